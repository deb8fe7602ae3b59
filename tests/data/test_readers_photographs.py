"""Data sets of photographs in folders of classes, in the layouts in which people hold them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewshot_bench.data.benchmark import Benchmark
from fewshot_bench.data.readers.caltech import CALTECH_101
from fewshot_bench.data.readers.cub import CUB
from fewshot_bench.data.readers.eurosat import EUROSAT
from fewshot_bench.data.readers.gtsrb import GTSRB
from fewshot_bench.data.readers.plant_village import PLANT_VILLAGE
from fewshot_bench.data.readers.textures import DTD
from fewshot_bench.data.readers.vgg_flower import VGG_FLOWER
from fewshot_bench.data.store import ImageStore
from fewshot_bench.data.summary import lines, summary
from fewshot_bench.errors import DataError

from .tiny_sources import class_names, keys, picture, prepared, write

SIDE = 8
CLASSES: Mapping[Benchmark, Sequence[str]] = {
    CUB: [f"{i:03d}.Bird_{i}" for i in range(1, 201)],
    VGG_FLOWER: [f"{i:03d}" for i in range(1, 103)],
    DTD: [f"texture-{i}" for i in range(47)],
    EUROSAT: [
        *("AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial"),
        *("Pasture", "PermanentCrop", "Residential", "River", "SeaLake"),
    ],
    CALTECH_101: ["Faces", "Faces_easy", *(f"thing_{i}" for i in range(99))],
    GTSRB: [f"{i:05d}" for i in range(43)],
    PLANT_VILLAGE: [f"Plant_{i}___blight" for i in range(38)],
}
SIZES = {  # classes for training, validation and test
    CUB: (100, 50, 50),
    VGG_FLOWER: (72, 15, 15),
    DTD: (33, 7, 7),
    EUROSAT: (0, 0, 10),
    CALTECH_101: (61, 20, 20),
    GTSRB: (25, 9, 9),
    PLANT_VILLAGE: (22, 8, 8),
}
LAYOUTS = [
    (CUB, "CUB_200_2011/images/{name}/Bird_{i}.png"),
    (CUB, "{name}/Bird_{i}.png"),
    (VGG_FLOWER, "flowers102_64/{name}/image_{i}.png"),
    (VGG_FLOWER, "flower_data/train/{number}/image_{i}.png"),
    (DTD, "dtd/images/{name}/{name}_{i}.png"),
    (DTD, "{name}/{name}_{i}.png"),
    (EUROSAT, "2750/{name}/{name}_{i}.png"),
    (EUROSAT, "EuroSAT_RGB/{name}/{name}_{i}.png"),
    (CALTECH_101, "caltech-101/101_ObjectCategories/{name}/image_{i}.png"),
    (CALTECH_101, "{name}/image_{i}.png"),
    (GTSRB, "GTSRB/Final_Training/Images/{name}/0000{i}_00029.png"),
    (GTSRB, "Train/{number}/{name}_0000{i}_00029.png"),
    (PLANT_VILLAGE, "plantvillage dataset/color/{name}/leaf_{i}.png"),
    (PLANT_VILLAGE, "PlantVillage-Dataset/raw/color/{name}/leaf_{i}.png"),
    (PLANT_VILLAGE, "valid/{name}/leaf_{i}.png"),
]


def laid_out(root: Path, benchmark: Benchmark, layout: str, number: int = 2) -> Path:
    """``number`` pictures of each class, that of class c and number i made from 10 c + i."""
    for c, name in enumerate(CLASSES[benchmark]):
        digits = name.lstrip("0") or "0"
        for i in range(number):
            place = layout.format(name=name, number=digits, i=i)
            write(root / place, picture(10 * c + i, SIDE))
    return root


def read(benchmark: Benchmark, source: Path, out: Path, **options: Any) -> ImageStore:
    return prepared(benchmark, source, out, image_size=SIDE, **options)


def said(store: ImageStore) -> str:
    return "\n".join(lines(summary(store)))


@pytest.mark.parametrize(("benchmark", "layout"), LAYOUTS, ids=lambda v: getattr(v, "name", v))
def test_layouts(tmp_path: Path, benchmark: Benchmark, layout: str) -> None:
    store = read(benchmark, laid_out(tmp_path / "in", benchmark, layout), tmp_path / "out")
    classes = store.manifest.classes
    assert tuple(len(classes[split]) for split in ("train", "val", "test")) == SIZES[benchmark]
    names = class_names(store)
    assert sorted(names) == sorted(CLASSES[benchmark])
    assert {size for split in classes.values() for size in split.values()} == {2}
    places = [CLASSES[benchmark].index(name) for name in names]
    expected = [picture(10 * c + i, SIDE) for c in places for i in range(2)]
    np.testing.assert_array_equal(store.images.transpose(0, 2, 3, 1), expected)
    assert store.manifest.split == {"kind": "random", **vars(benchmark.split)}
    assert ("all classes are for test" in said(store)) == (benchmark is EUROSAT)
    assert ("% of the classes at random, seed" in said(store)) == (benchmark is not EUROSAT)


@pytest.mark.parametrize("benchmark", CLASSES, ids=lambda b: b.name)
def test_all_layouts_of_a_data_set_are_the_same_images(
    tmp_path: Path, benchmark: Benchmark
) -> None:
    found = set()
    for number, layout in enumerate(at for of, at in LAYOUTS if of is benchmark):
        source = laid_out(tmp_path / str(number), benchmark, layout)
        found.add(read(benchmark, source, tmp_path / "out").manifest.fingerprint)
    assert len(found) == 1


def test_the_images_of_a_class_are_put_together_from_train_and_test(tmp_path: Path) -> None:
    whole = laid_out(tmp_path / "whole", VGG_FLOWER, "{name}/image_{i}.png")
    apart = tmp_path / "apart"
    for part, i in (("train", 0), ("test", 1)):
        for file in whole.glob(f"*/image_{i}.png"):
            write(apart / part / file.parent.name / file.name, file.read_bytes())
    stores = [read(VGG_FLOWER, path, tmp_path / "out") for path in (whole, apart)]
    assert stores[0].manifest.fingerprint == stores[1].manifest.fingerprint
    write(apart / "valid/001/image_0.png", picture(9999, SIDE))
    store = read(VGG_FLOWER, apart, tmp_path / "out")
    assert {"train/001/image_0.png", "valid/001/image_0.png"} <= set(keys(store))


def test_one_image_of_each_traffic_sign(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "in", GTSRB, "Images/{name}/0000{i}_00000.png", 3)
    for file in list(source.glob("Images/*/00001_*.png")):
        for frame in ("00001", "00010", "00009"):
            name = f"00001_{frame}.png"
            seed = 10_000 + 100 * int(file.parent.name) + int(frame)
            write(file.with_name(name), picture(seed, SIDE))
    for seed, name in enumerate(("one.png", "two.png"), 9000):
        write(source / "Images/00003" / name, picture(seed, SIDE))
    write(source / "Images/00000/GT-00000.csv", b"Filename;ClassId\n")
    store = read(GTSRB, source, tmp_path / "out")
    assert keys(store)[:3] == ["00000_00000", "00001_00010", "00002_00000"]
    assert len(store.images) == 3 * 43 + 2
    assert f"{3 * 43} images passed over" in said(store)
    assert "1 file with the suffix .csv without images" in said(store)


def test_no_face_of_training_is_met_again(tmp_path: Path) -> None:
    layout = "101_ObjectCategories/{name}/image_{i}.png"
    source = laid_out(tmp_path / "in", CALTECH_101, layout)
    write(source / "101_ObjectCategories/BACKGROUND_Google/image_0.png", picture(1, SIDE))
    store = read(CALTECH_101, source, tmp_path / "out")
    assert {"Faces", "Faces_easy"} <= set(store.manifest.classes["train"])
    assert "1 folder passed over (101_ObjectCategories/BACKGROUND_Google/)" in said(store)


def test_masks_of_birds_are_not_taken_for_birds(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "in", CUB, "CUB_200_2011/images/{name}/Bird_{i}.png")
    laid_out(source, CUB, "segmentations/{name}/Bird_{i}.png")
    store = read(CUB, source, tmp_path / "out")
    assert len(store.images) == 2 * 200
    assert "1 folder passed over (segmentations/)" in said(store)


def test_leaves_in_grey_and_cut_out_are_not_read(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "in", PLANT_VILLAGE, "raw/color/{name}/leaf_{i}.png")
    laid_out(source, PLANT_VILLAGE, "raw/segmented/{name}/leaf_{i}.png")
    store = read(PLANT_VILLAGE, source, tmp_path / "out")
    assert len(store.images) == 2 * 38
    assert "1 folder passed over (raw/segmented/)" in said(store)


def test_what_is_no_such_data_set_is_told_what_is_read(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "in", DTD, "images/{name}/{i}.png")
    with pytest.raises(DataError, match=r"no known layout of cub; known are: images/<[^;]*$"):
        read(CUB, source, tmp_path / "out")


def test_classes_that_are_missing_or_too_many_are_counted(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "in", DTD, "images/{name}/{i}.png")
    for file in (source / "images/texture-7").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"dtd: 1 of 47 classes are missing; complete"):
        read(DTD, source, tmp_path / "out")
    store = read(DTD, source, tmp_path / "out", allow_missing_classes=True)
    assert store.manifest.fingerprint.endswith("-partial-46-of-47")
    for extra in ("texture-7", "texture-48"):
        write(source / f"images/{extra}/0.png", picture(1, SIDE))
    with pytest.raises(DataError, match="dtd has 47 classes, but the source 48; remove what"):
        read(DTD, source, tmp_path / "out")


def test_small_classes_of_a_known_data_set_leave_the_others_where_they_are(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "in", DTD, "images/{name}/{i}.png")
    before = read(DTD, source, tmp_path / "out").manifest.classes
    (source / "images/texture-7/0.png").unlink()
    manifest = read(DTD, source, tmp_path / "out", min_images=2).manifest
    for split, names in before.items():
        assert set(manifest.classes[split]) == set(names) - {"texture-7"}
    assert manifest.missing == ["texture-7"]
    assert manifest.fingerprint.endswith("-partial-46-of-47")
    with pytest.raises(DataError, match="dtd: no class has 3 images or more"):
        read(DTD, source, tmp_path / "out", min_images=3)


@pytest.mark.slow
def test_flowers_of_the_real_archive(shared: Any, tmp_path: Path) -> None:
    store = prepared(VGG_FLOWER, shared("flowers102_64.tar.gz"), tmp_path / "out", image_size=64)
    assert store.images.shape == (7985, 3, 64, 64)
    sizes = [n for names in store.manifest.classes.values() for n in names.values()]
    assert (len(sizes), min(sizes), max(sizes)) == (102, 39, 252)
