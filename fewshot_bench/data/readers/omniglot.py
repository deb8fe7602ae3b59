"""Omniglot: 1,623 hand-drawn characters of 50 alphabets, 20 drawings of each.

Lake, Salakhutdinov & Tenenbaum 2015; split of Vinyals et al. 2016 (arXiv 1606.04080): 1,028
characters for training, 172 for validation and 423 for testing, taken across the two parts
``images_background`` and ``images_evaluation``, each turned by quarter turns into four classes.
Ink is 1 and paper 0, without further normalisation, as MAML and prototypical networks have it.
"""

from collections.abc import Iterator
from pathlib import Path

from fewshot_bench.data import splits
from fewshot_bench.data.benchmark import Benchmark, ClassSource, Download, Layout
from fewshot_bench.data.readers.common import folder_class
from fewshot_bench.data.walk import folders

_DEPTH = 5
_PARTS = ("images_background", "images_evaluation")
_ZIPS = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"


def _root(path: Path) -> Path:
    """Where to look: ``path`` itself, or the folder around it if ``path`` is one of the parts."""
    return path.parent if path.name in _PARTS else path


def _matches(path: Path) -> bool:
    return any(any(part.glob("*/character*")) for part in _parts(_root(path)))


def _scan(path: Path) -> list[ClassSource]:
    official = splits.omniglot()
    return [
        folder_class(name, official[name], folder)
        for name, folder in _characters(_root(path)).items()
        if name in official
    ]


def _parts(root: Path) -> Iterator[Path]:
    """Folders called like one of the two parts; archives unpacked in a folder of their own name
    have one in the other.
    """
    return (folder for folder in folders(root, _DEPTH) if folder.name in _PARTS)


def _characters(root: Path) -> dict[str, Path]:
    """``<alphabet>/<character>`` -> folder, over both parts."""
    return {
        f"{folder.parent.name}/{folder.name}": folder
        for part in _parts(root)
        for folder in part.glob("*/character*")
    }


OMNIGLOT = Benchmark(
    name="omniglot",
    image_size=28,
    channels=1,
    mean=(0.0,),
    std=(1.0,),
    layouts=(Layout("images_background/ and images_evaluation/", _matches, _scan),),
    official=splits.omniglot,
    downloads=(
        Download(f"{_ZIPS}/images_background.zip", "md5:68d2efa1b9178cc56df9314c21c6e718", 9464212),
        Download(f"{_ZIPS}/images_evaluation.zip", "md5:6b91aef0f799c5bb55b94e3f2daec811", 6462886),
    ),
    invert=True,
    rotations=True,
    howto=(
        "fsbench data prepare omniglot (downloads 16 MB), or"
        " fsbench data prepare omniglot --source PATH with images_background/ and"
        " images_evaluation/, or an archive of them"
    ),
)
