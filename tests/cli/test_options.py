"""Seeds in a list and in ranges."""

import pytest

from fewshot_bench.cli.options import MOST_SEEDS, seed_list
from fewshot_bench.config import SEEDS
from fewshot_bench.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0,1,2", [0, 1, 2]),
        ("0-2", [0, 1, 2]),
        ("7, 3-5,0", [7, 3, 4, 5, 0]),
        ("4-4", [4]),
        (str(SEEDS - 1), [SEEDS - 1]),
    ],
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert seed_list(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "a", "-1", "0-", "2-0", "0-2-4", "1,1", "0-3,2", "1.5", "0..2"]
)
def test_what_is_no_list_of_different_seeds_is_refused(text):
    with pytest.raises(ConfigError, match="as 0,1,2 or 0-2, not"):
        seed_list(text)


def test_seeds_too_large_or_too_many_are_refused_at_once():
    with pytest.raises(ConfigError, match=r"below 2\*\*63"):
        seed_list(f"0-{SEEDS}")
    with pytest.raises(ConfigError, match=r"below 2\*\*4;"):
        seed_list("16", end=16)
    assert len(seed_list(f"1-{MOST_SEEDS}")) == MOST_SEEDS
    with pytest.raises(ConfigError, match="more than 1000 seeds"):
        seed_list(f"0-{SEEDS - 1}")
