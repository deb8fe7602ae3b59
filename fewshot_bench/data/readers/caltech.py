"""Caltech-101: 8,677 photographs of 101 kinds of objects, 31 to 800 of each.

Fei-Fei et al. 2004. Classes are drawn at random, 60/20/20 %; the folder of background images is no
class. ``Faces`` and ``Faces_easy`` show the same photographs, so the seed is one that puts both in
training: no faces of training are met again in the test.
"""

from fewshot_bench.data.readers.photographs import class_layouts, photographs
from fewshot_bench.data.split import RandomSplit


def _name(folder: str) -> str | None:
    return None if folder == "BACKGROUND_Google" else folder


CALTECH_101 = photographs(
    "caltech-101",
    101,
    class_layouts("101_ObjectCategories/<class>/<image>", _name, ("101_ObjectCategories",)),
    split=RandomSplit(0.6, 0.2, 0.2, seed=16),
    howto="fsbench data prepare caltech-101 --source PATH with 101_ObjectCategories/",
)
