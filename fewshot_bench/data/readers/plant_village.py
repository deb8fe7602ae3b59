"""PlantVillage (CropDisease): 54,305 photographs of leaves in 38 pairs of plant and disease.

Mohanty et al. 2016 (arXiv 1604.03169). Classes are drawn at random, 60/20/20 %. Copies in grey and
without background, which some archives hold beside the colours, are not read.
"""

from fewshot_bench.data.readers.photographs import class_layouts, photographs


def _name(folder: str) -> str | None:
    return folder if "___" in folder else None


PLANT_VILLAGE = photographs(
    "plant-village",
    38,
    class_layouts(
        "<plant>___<disease>/<image>, also below color/ or train|valid|test/",
        _name,
        ("raw/color", "color"),
    ),
    howto="fsbench data prepare plant-village --source PATH with <plant>___<disease>/ folders",
)
