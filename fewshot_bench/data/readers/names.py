"""What people call a split: ``Train``, ``valid``, ``test_images``."""

import difflib
import re

from fewshot_bench.data.split import SPLITS, SplitName
from fewshot_bench.errors import DataError

_ALIASES: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "base": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "novel": "test",
}


def meant(name: str) -> SplitName | None:
    """The split that a name says: in another case, by a usual other word, or as one of its words.

    >>> meant("Valid"), meant("test_images"), meant("birds")
    ('val', 'test', None)
    """
    words = re.findall("[a-z]+", name.lower())
    return next((_ALIASES[word] for word in words if word in _ALIASES), None)


def plain(name: str) -> SplitName | None:
    """The split of a name that is one of the usual words and nothing else."""
    return _ALIASES.get(name.strip().lower())


def close(name: str) -> SplitName | None:
    """The split that a name probably means, typing errors included; for hints only."""
    near = difflib.get_close_matches(name.strip().lower(), SPLITS, n=1, cutoff=0.75)
    return meant(name) or (next(s for s in SPLITS if s == near[0]) if near else None)


def read_split(cell: str, where: str) -> SplitName:
    """The split that a cell of a table says; raises DataError, with ``where``, if it is none."""
    for split in SPLITS:
        if cell.lower() == split:
            return split
    hint = f"did you mean {near!r}?" if (near := close(cell)) else f"known: {', '.join(SPLITS)}"
    raise DataError(f"{where}: unknown split {cell!r}; {hint}")
