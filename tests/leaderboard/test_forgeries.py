"""Every forgery is found by the check that is meant for it, and nothing honest is."""

from pathlib import Path

import numpy as np
import pytest

from fewshot_bench.leaderboard.check import result_findings, row_findings
from fewshot_bench.leaderboard.checks.agreement import APART, RELATED, agreement, index_of
from fewshot_bench.leaderboard.checks.board import OF_BOARD as CHECKS_OF_BOARD
from fewshot_bench.leaderboard.checks.board import Board, board_findings
from fewshot_bench.leaderboard.checks.copies import like_another, trained_apart
from fewshot_bench.leaderboard.checks.shuffled import shuffled
from fewshot_bench.leaderboard.checks.table import OF_RESULT as CHECKS_OF_RESULT
from fewshot_bench.leaderboard.checks.table import OF_ROW as CHECKS_OF_ROW
from fewshot_bench.leaderboard.datasets import Dataset
from tests.leaderboard.forgeries import (
    OF_BOARD,
    OF_RESULT,
    OF_ROW,
    copied,
    genuine,
    maml,
    shuffle,
)
from tests.leaderboard.synthetic import forged, synthetic

PAGE = Path(__file__).parents[2] / "docs" / "leaderboard.md"
KNOWN = {"glyphs": {"f" * 64: Dataset(20, 800)}}


@pytest.fixture(scope="module")
def row():
    return [genuine(seed) for seed in range(3)]


def test_the_genuine_row_passes(row):
    assert [finding for result in row for finding in result_findings(result)] == []
    assert list(row_findings(row)) == []
    others = [maml(seed) for seed in range(3)]
    assert [finding for result in others for finding in result_findings(result)] == []
    assert list(board_findings(Board([*row, *others], KNOWN))) == []


@pytest.mark.parametrize("name", OF_RESULT)
def test_a_forged_result_is_found_by_the_check_for_it(row, name):
    change, check = OF_RESULT[name]
    found = list(result_findings(forged(row[0], change)))
    assert check in {finding.check for finding in found}, found


@pytest.mark.parametrize("name", OF_ROW)
def test_a_forged_row_is_found_by_the_check_for_it(row, name):
    change, check = OF_ROW[name]
    found = list(row_findings(change(row)))
    assert {finding.check for finding in found} == {check}, found


@pytest.mark.parametrize("name", OF_BOARD)
def test_what_is_forged_beside_a_row_is_found_by_the_check_for_it(row, name):
    change, check = OF_BOARD[name]
    extra = change(row)
    board = Board([*row, maml(1), maml(2), extra], KNOWN)
    found = [finding.check for result, finding in board_findings(board) if result is extra]
    assert set(found) == {check}, found


def test_every_check_but_the_oldest_has_a_forgery():
    named = {check for table in (OF_RESULT, OF_ROW, OF_BOARD) for _, check in table.values()}
    checks = {check.name for check in (*CHECKS_OF_RESULT, *CHECKS_OF_ROW, *CHECKS_OF_BOARD)}
    assert named <= checks
    # Of these tests/leaderboard/test_check.py has several each.
    assert checks - named == {"protocol", "episodes", "counts", "summary", "official classes"}
    assert len(OF_RESULT) + len(OF_ROW) + len(OF_BOARD) >= 40


def test_the_page_names_every_check():
    text = PAGE.read_text(encoding="utf-8")
    for check in (*CHECKS_OF_RESULT, *CHECKS_OF_ROW, *CHECKS_OF_BOARD):
        assert f"| {check.name} | {check.finds} |" in text


def test_classes_of_another_split_are_named():
    found = list(result_findings(synthetic(benchmark="cifar-fs")))
    assert [f.text for f in found if f.check == "official classes"] == [
        "20 of its test classes are not test classes of cifar-fs",
        "64 of its train classes are not train classes of cifar-fs",
    ]


# The statistic of copies.


def errors(rng, episodes, share, index, union=30):
    """Errors of episodes of which a share is common to two models, harder in some episodes."""
    hard = rng.beta(index * share, (1 - index) * share, episodes)
    return rng.binomial(union, hard), np.full(episodes, union)


def test_the_index_is_that_of_the_sets_of_errors(row):
    one, other = row[0], row[1]
    sets = [
        {(*where, int(result.columns["pred"][tuple(where)]))
         for where in np.argwhere(result.columns["pred"] != np.arange(5)[None, :, None])}
        for result in (one, other)
    ]  # fmt: skip
    found = agreement(one, other)
    assert found.index == pytest.approx(len(sets[0] & sets[1]) / len(sets[0] | sets[1]))
    assert agreement(one, one).index == 1
    assert 0 < found.low < found.index


def test_honest_pairs_at_the_very_bound_are_hardly_ever_taken_for_copies():
    rng = np.random.default_rng(0)
    # Clustered errors: a design effect of about 4, which a binomial limit would overlook.
    lows = [index_of(*errors(rng, 600, 10, APART)).low for _ in range(2000)]
    assert sum(low > APART for low in lows) <= 1
    assert np.median(lows) > APART - 0.06


def test_a_few_errors_that_all_agree_tell_nothing():
    some = np.array([1, 0, 1, 1, 0, 2])
    assert index_of(some, some).index == 1
    assert index_of(some, some).low < 0.5
    assert index_of(30 * some, 30 * some).low > APART
    assert index_of(0 * some, 0 * some).low == 0


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_a_copy_is_told_from_models_that_are_as_good(row, share):
    assert agreement(row[0], forged(row[1], copied(row[0], share))).low > APART
    assert agreement(row[0], row[1]).index < 0.3


def test_predictions_of_other_episodes_are_found_and_dead_models_are_not(row):
    twin = forged(row[1], copied(row[0], 0.03, shuffle))
    assert shuffled(row[0], twin)
    assert shuffled(twin, row[0])
    assert not shuffled(row[0], row[1])
    assert not shuffled(row[0], row[0])

    def dead(info, columns):
        columns["pred"][:] = 2  # whatever it is shown, so that all episodes look alike

    assert not shuffled(*(forged(result, dead) for result in row[:2]))


def test_rows_that_can_not_be_told_apart_are_marked_and_not_refused(row):
    twin = [forged(maml(seed), copied(row[seed], 0.005)) for seed in range(3)]
    rows = {"one": row, "twin": twin, "far": [maml(seed) for seed in range(3)]}
    assert like_another(rows) == {"one": "twin", "twin": "one"}
    assert not trained_apart(row[0], twin[0])
    assert like_another({**rows, "twin": [twin[0], *rows["far"][1:]]}) == {}
    assert RELATED > APART
