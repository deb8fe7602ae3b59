"""DTD, the Describable Textures Dataset: 5,640 photographs of 47 textures, 120 of each.

Cimpoi et al. 2014 (arXiv 1311.3618). Classes are drawn at random, 70/15/15 %.
"""

from fewshot_bench.data.readers.photographs import class_layouts, photographs
from fewshot_bench.data.split import RandomSplit

DTD = photographs(
    "dtd",
    47,
    class_layouts("images/<texture>/<image>", str, ("images",)),
    split=RandomSplit(0.7, 0.15, 0.15),
    howto="fsbench data prepare dtd --source PATH with dtd/ or its archive",
)
