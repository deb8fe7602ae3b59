"""Benchmarks: images on disk, and the catalogue of their names."""

from fewshot_bench.registry import BENCHMARKS

_READERS = "fewshot_bench.data.readers"

BENCHMARKS.add(
    "glyphs",
    f"{_READERS}.glyphs:GLYPHS",
    summary="characters of many scripts, rendered here; nothing to download",
)
BENCHMARKS.add(
    "omniglot",
    f"{_READERS}.omniglot:OMNIGLOT",
    summary="hand-drawn characters, Vinyals split with rotations, 28x28",
    paper="Lake et al. 2015; Vinyals et al. 2016, arXiv 1606.04080",
)
BENCHMARKS.add(
    "cifar-fs",
    f"{_READERS}.cifar:CIFAR_FS",
    summary="CIFAR-100, 64/16/20 classes at random, 32x32",
    paper="Bertinetto et al. 2019, arXiv 1805.08136",
)
BENCHMARKS.add(
    "fc100",
    f"{_READERS}.cifar:FC100",
    summary="CIFAR-100 split by superclass, 60/20/20, 32x32",
    paper="Oreshkin et al. 2018, arXiv 1805.10123",
)
BENCHMARKS.add(
    "mini-imagenet",
    f"{_READERS}.mini_imagenet:MINI_IMAGENET",
    summary="64/16/20 classes x 600 photographs, 84x84",
    paper="Vinyals et al. 2016, arXiv 1606.04080; split of Ravi & Larochelle 2017",
)
BENCHMARKS.add(
    "tiered-imagenet",
    f"{_READERS}.tiered_imagenet:TIERED_IMAGENET",
    summary="351/97/160 classes split by superclass, 84x84",
    paper="Ren et al. 2018, arXiv 1803.00676",
)
BENCHMARKS.add(
    "cub",
    f"{_READERS}.cub:CUB",
    summary="CUB-200-2011, 200 birds, 100/50/50 classes at random, 84x84",
    paper="Wah et al. 2011, CNS-TR-2011-001",
)
BENCHMARKS.add(
    "vgg-flower",
    f"{_READERS}.vgg_flower:VGG_FLOWER",
    summary="102 flowers of Oxford, 72/15/15 classes at random, 84x84",
    paper="Nilsback & Zisserman 2008",
)
BENCHMARKS.add(
    "fgvc-aircraft",
    f"{_READERS}.aircraft:FGVC_AIRCRAFT",
    summary="100 variants of aircraft, 70/15/15 classes at random, 84x84",
    paper="Maji et al. 2013, arXiv 1306.5151",
)
BENCHMARKS.add(
    "dtd",
    f"{_READERS}.textures:DTD",
    summary="47 textures, 33/7/7 classes at random, 84x84",
    paper="Cimpoi et al. 2014, arXiv 1311.3618",
)
BENCHMARKS.add(
    "eurosat",
    f"{_READERS}.eurosat:EUROSAT",
    summary="10 kinds of land use from space, all for testing, 84x84",
    paper="Helber et al. 2019, arXiv 1709.00029; Guo et al. 2020, arXiv 1912.07200",
)
BENCHMARKS.add(
    "caltech-101",
    f"{_READERS}.caltech:CALTECH_101",
    summary="101 kinds of objects, 61/20/20 classes at random, 84x84",
    paper="Fei-Fei et al. 2004",
)
BENCHMARKS.add(
    "gtsrb",
    f"{_READERS}.gtsrb:GTSRB",
    summary="43 traffic signs, one image of each, 25/9/9 classes at random, 84x84",
    paper="Stallkamp et al. 2012",
)
BENCHMARKS.add(
    "plant-village",
    f"{_READERS}.plant_village:PLANT_VILLAGE",
    summary="38 plants and diseases (CropDisease), 22/8/8 classes at random, 84x84",
    paper="Mohanty et al. 2016, arXiv 1604.03169",
)
BENCHMARKS.add(
    "isic",
    f"{_READERS}.isic:ISIC",
    summary="ISIC 2018 (HAM10000), 7 skin lesions, all for testing, 84x84",
    paper="Tschandl et al. 2018, arXiv 1803.10417; Guo et al. 2020, arXiv 1912.07200",
)
BENCHMARKS.add(
    "quickdraw",
    f"{_READERS}.quickdraw:QUICKDRAW",
    summary="345 kinds of sketches, 1,000 of each, 207/69/69 classes at random, 28x28",
    paper="Ha & Eck 2017, arXiv 1704.03477",
)
BENCHMARKS.add(
    "folder",
    f"{_READERS}.folder:FOLDER",
    summary="your own images: folder:PATH with train|val|test/<class>/<image>, or a CSV",
)
