"""The model that tables, pictures and the page share."""

import itertools

import pytest

from fewshot_bench.errors import ResultError
from fewshot_bench.leaderboard.board import (
    Board,
    Leaderboard,
    Pool,
    Row,
    pair_index,
)
from fewshot_bench.leaderboard.board_file import dump_board, load_board


def row(name, **values):
    facts = {
        "kind": "measured", "method": name, "backbone": "conv4-64", "benchmark": "glyphs",
        "way": 5, "shot": 1, "setting": "inductive", "accuracy": 0.6,
    }  # fmt: skip
    return Row(id=name, **{**facts, **values})


def pool(names):
    n = len(names) * (len(names) - 1) // 2
    facts = {
        "id": "pool", "benchmark": "glyphs", "way": 5, "shot": 1, "query": 15, "split": "test",
        "fingerprint": "f" * 64, "sampler": "replacement, seed 0", "episodes": 1000, "classes": 20,
        "images": 400,
    }  # fmt: skip
    return Pool(
        **facts,
        rows=tuple(names),
        difference=tuple(range(n)),
        half_width=(0.5,) * n,
        p_holm=tuple(k / 10 for k in range(n)),
        closed=(False, True) * (n // 2) + (False,) * (n % 2),
    )


def leaderboard():
    best = row("a", rank=(1, 2), results=("x", "y"), flags=("single_seed",), pool="pool")
    board = Board(
        id="glyphs/5-1/inductive",
        benchmark="glyphs",
        way=5,
        shot=1,
        setting="inductive",
        measured=(best, row("b", rank=(2, 2))),
        published=(row("p", kind="published"),),
    )
    return Leaderboard(boards=(board,), pools=(pool("abcd"),))


def test_pairs_are_numbered_as_combinations_are():
    for n in range(2, 7):
        pairs = itertools.combinations(range(n), 2)
        assert [pair_index(i, j, n) for i, j in pairs] == list(range(n * (n - 1) // 2))


def test_a_pair_turned_round_has_the_opposite_difference():
    four = pool("abcd")
    forth, back = four.pair("b", "d"), four.pair("d", "b")
    assert forth.difference == 4
    assert (forth.low, forth.high) == (3.5, 4.5)
    assert (back.difference, back.low, back.high) == (-4, -4.5, -3.5)
    assert forth.p_holm == back.p_holm == 0.4
    assert (four.pair("a", "b").estimand, four.pair("a", "c").estimand) == ("method", "closed")
    with pytest.raises(ValueError, match="itself"):
        four.pair("a", "a")


def test_the_document_holds_everything(tmp_path):
    file = tmp_path / "board.json"
    file.write_bytes(dump_board(leaderboard()))
    assert load_board(file) == leaderboard()


def test_rows_that_may_be_best_lead():
    rows = leaderboard().rows()
    assert [name for name, one in rows.items() if one.leads] == ["a"]
    assert leaderboard().pool(rows["a"]).rows == ("a", "b", "c", "d")


@pytest.mark.parametrize("text", ["[]", '{"schema": 99}', '{"schema": 1, "boards": [{}]}'])
def test_foreign_documents_are_refused_in_one_line(tmp_path, text):
    file = tmp_path / "board.json"
    file.write_text(text)
    with pytest.raises(ResultError) as caught:
        load_board(file)
    assert "\n" not in str(caught.value)
