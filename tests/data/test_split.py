import pytest

from fewshot_bench.data.split import DEFAULT_SPLIT, random_split
from fewshot_bench.errors import ConfigError


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        *[(10, (6, 2, 2)), (100, (60, 20, 20)), (5, (3, 0, 2)), (4, (2, 0, 2)), (3, (0, 0, 3))],
        *[(2, (0, 0, 2)), (1, (0, 0, 1)), (0, (0, 0, 0)), (7, (5, 0, 2)), (8, (4, 2, 2))],
    ],
)
def test_no_split_has_a_single_class(n: int, expected: tuple[int, int, int]) -> None:
    assert DEFAULT_SPLIT.counts(n) == expected


def test_the_order_of_two_classes_does_not_depend_on_the_others() -> None:
    rule = random_split(0.5, 0, 0.5, seed=1)
    names = [f"c{i}" for i in range(40)]
    order = sorted(names, key=rule._place)
    half = names[::2]
    assert [name for name in order if name in half] == sorted(half, key=rule._place)
    assert rule(names) == rule(reversed(names))
    assert rule(names) != random_split(0.5, 0, 0.5, seed=2)(names)
    assert list(rule(names).values()).count("train") == 20


@pytest.mark.parametrize("parts", [(0.5, 0.5, 0.5), (1.2, -0.2, 0.0), (0.1, 0.1, 0.1)])
def test_fractions_that_are_none(parts: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match="sum to 1"):
        random_split(*parts)


def test_no_test_classes_on_request() -> None:
    assert random_split(0.8, 0.2, 0.0).counts(10) == (8, 2, 0)
