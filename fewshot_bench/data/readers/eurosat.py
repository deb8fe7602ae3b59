"""EuroSAT: 27,000 satellite images of 64x64 pixels, 10 kinds of land use, 2,000 to 3,000 of each.

Helber et al. 2019 (arXiv 1709.00029). All classes are for testing a model of another benchmark, as
in the cross-domain benchmark of Guo et al. 2020 (arXiv 1912.07200).
"""

from fewshot_bench.data.readers.photographs import class_layouts, photographs
from fewshot_bench.data.split import RandomSplit

_CLASSES = (
    *("AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial"),
    *("Pasture", "PermanentCrop", "Residential", "River", "SeaLake"),
)


def _name(folder: str) -> str | None:
    return folder if folder in _CLASSES else None


EUROSAT = photographs(
    "eurosat",
    len(_CLASSES),
    class_layouts("<class>/<class>_<number>.jpg", _name, ("2750",)),
    split=RandomSplit(0.0, 0.0, 1.0),
    howto="fsbench data prepare eurosat --source PATH with the RGB images, EuroSAT_RGB/ or 2750/",
)
