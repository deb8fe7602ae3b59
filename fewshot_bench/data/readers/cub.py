"""CUB-200-2011: 11,788 photographs of 200 species of birds.

Wah et al. 2011, technical report CNS-TR-2011-001 of Caltech. Classes are drawn at random, half of
them for training and a quarter each for validation and test. For another split, give its lists of
images as ``folder:PATH``.
"""

import re

from fewshot_bench.data.readers.photographs import class_layouts, photographs
from fewshot_bench.data.split import RandomSplit


def _name(folder: str) -> str | None:
    return folder if re.fullmatch(r"\d{3}\..+", folder) else None


CUB = photographs(
    "cub",
    200,
    class_layouts("images/<number>.<species>/<image>", _name, ("images",)),
    split=RandomSplit(0.5, 0.25, 0.25),
    howto="fsbench data prepare cub --source PATH with CUB_200_2011/ or its archive",
)
