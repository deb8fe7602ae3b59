"""One round of the quick commands; ``python -m tests.chaos.pairs`` and ``kills`` do more."""

import os

import pytest

from tests.chaos.kills import run as killed
from tests.chaos.pairs import run as paired
from tests.chaos.writers import WRITERS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children by fork")
CHEAP = tuple(writer for writer in WRITERS if writer.cheap)


def test_pairs_of_commands_that_write_end_well_and_whole():
    count, wrong = paired(CHEAP, rounds=1)
    assert count == 10
    assert wrong == []


def test_killed_commands_lose_nothing_and_make_nothing_else():
    kills, wrong = killed(CHEAP, most=6, seed=0)
    assert kills.total() >= 6
    assert wrong == []
