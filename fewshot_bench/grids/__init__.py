"""Every classifier on every trained embedding, from features that are computed once.

A grid is a folder of ordinary results, one for each cell, and is read back from there: the folder
is all that is known of what was done before. A cell that was measured is not measured again.
"""
