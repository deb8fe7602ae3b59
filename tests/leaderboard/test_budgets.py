"""A board warns where its rows were tuned with unequal budgets, and is silent elsewhere."""

import pytest

from fewshot_bench.leaderboard.board_file import load_board
from fewshot_bench.leaderboard.build import read_leaderboard
from fewshot_bench.leaderboard.render import render
from tests.leaderboard.synthetic import synthetic
from tests.leaderboard.test_build import store

TUNING = {
    "on": "glyphs 5-way 1-shot",
    "split": "val",
    "trials": 20,
    "steps": 500,
    "seconds": None,
    "episodes": 200,
    "n_candidates": 60,
}


@pytest.mark.parametrize(
    ("first", "second", "warned"),
    [
        ({}, {}, False),
        ({"tuning": TUNING}, {"tuning": {**TUNING, "n_candidates": 99}}, False),
        ({"tuning": TUNING}, {}, True),
        ({"tuning": TUNING}, {"tuning": {**TUNING, "trials": 40}}, True),
        ({"tuning": TUNING}, {"tuning": {**TUNING, "steps": None, "seconds": 9.5}}, True),
    ],
)
def test_rows_of_one_board_that_were_not_tuned_alike_say_so(tmp_path, first, second, warned):
    store(tmp_path, [synthetic("protonet", **first), synthetic("maml", 0.1, **second)])
    other = synthetic("protonet", shot=5, tuning={**TUNING, "trials": 7})
    store(tmp_path, [other])
    leaderboard, problems = read_leaderboard(tmp_path)
    assert problems == ()
    one, five = leaderboard.boards
    assert ["unequal_budgets" in row.flags for row in one.measured] == [warned, warned]
    assert not any("unequal_budgets" in row.flags for row in five.measured)
    files = render(leaderboard)
    assert (b"unequal budgets" in files["tables/glyphs.md"]) == warned
    (tmp_path / "board.json").write_bytes(files["board.json"])
    assert load_board(tmp_path / "board.json") == leaderboard


def test_seeds_of_one_row_with_other_budgets_say_so(tmp_path):
    store(
        tmp_path,
        [
            synthetic("protonet", seed=0, tuning=TUNING),
            synthetic("protonet", seed=1, tuning={**TUNING, "trials": 3}),
            synthetic("maml", seed=0, tuning=TUNING),
        ],
    )
    [board] = read_leaderboard(tmp_path)[0].boards
    assert all("unequal_budgets" in row.flags for row in board.measured)
