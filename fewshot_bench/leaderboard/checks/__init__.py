"""What the files of results can show of a forgery, check by check.

:mod:`fewshot_bench.leaderboard.checks.table` lists all of them; a new check is a function in one of
the files beside it and a line there.
"""
