"""Class lists short enough to travel with a result, to show that no test class was trained on."""

from collections.abc import Iterable, Sequence

from fewshot_bench.data.pool import ROTATIONS
from fewshot_bench.files import sha256

NAMED = 200  # names of more classes than that would be most of a result's bytes
DIGITS = 8  # of SHA-256 per class: two lists of 1,000 names share one by chance once in 4,000 times

UPRIGHT = "/rot000"  # as fewshot_bench.data.store names turned classes


def class_hashes(names: Iterable[str]) -> str:
    """The first eight hex digits of the SHA-256 of each name, one after the other."""
    return "".join(sha256(name.encode())[:DIGITS] for name in names)


def photographed(names: Sequence[str], turned: bool) -> Sequence[str]:
    """The classes that hashes are of: of ``turned`` ones, listed turn by turn, the upright."""
    if not turned:
        return names
    return [name.removesuffix(UPRIGHT) for name in names[: len(names) // ROTATIONS]]


def shared_classes(a: str, b: str) -> int:
    """How many entries two such texts have in common."""
    return len(_entries(a) & _entries(b))


def _entries(text: str) -> set[str]:
    return {text[i : i + DIGITS] for i in range(0, len(text), DIGITS)}
