"""Data sets whose classes stand in a list beside the images."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fewshot_bench.data.readers.aircraft import FGVC_AIRCRAFT
from fewshot_bench.data.readers.folder import FOLDER
from fewshot_bench.data.readers.isic import ISIC
from fewshot_bench.data.readers.vgg_flower import VGG_FLOWER
from fewshot_bench.errors import DataError

from .tiny_sources import class_names, folder_tree, keys, picture, prepared, write

SIDE = 8
KINDS = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]


def flowers(root: Path, extra: int = 0) -> Path:
    """Two images of each flower, first one of each and then again, as ``jpg/`` and labels."""
    labels = [*range(1, 103), *range(1, 103), *range(1, 1 + extra)]
    for number in range(1, 205):
        write(root / f"jpg/image_{number:05d}.jpg", picture(number, SIDE))
    savemat(root / "imagelabels.mat", {"labels": np.array([labels], dtype=np.uint8)})
    return root


def test_flowers_as_they_are_published(tmp_path: Path) -> None:
    source = flowers(tmp_path / "flowers-102")
    store = prepared(VGG_FLOWER, source, tmp_path / "out", image_size=SIDE)
    names = class_names(store)
    expected = [picture(int(name) + more, SIDE) for name in names for more in (0, 102)]
    np.testing.assert_array_equal(store.images.transpose(0, 2, 3, 1), expected)
    folders = tmp_path / "folders"
    for number in range(1, 205):
        name = f"{(number - 1) % 102 + 1:03d}/image_{number:05d}.png"
        write(folders / name, picture(number, SIDE))
    other = prepared(VGG_FLOWER, folders, tmp_path / "out", image_size=SIDE)
    assert other.manifest.fingerprint == store.manifest.fingerprint


def test_flowers_that_are_not_there_and_labels_that_are_none(tmp_path: Path) -> None:
    source = flowers(tmp_path / "in", extra=3)
    with pytest.raises(DataError, match=r"3 images damaged or missing, .*/image_0020[567] "):
        prepared(VGG_FLOWER, source, tmp_path / "out")
    write(source / "imagelabels.mat", b"<html>")
    with pytest.raises(DataError, match=r"imagelabels\.mat is damaged or has no 'labels'"):
        prepared(VGG_FLOWER, source, tmp_path / "out")
    savemat(source / "imagelabels.mat", {"labels": [[0, 1]]})
    with pytest.raises(DataError, match="its labels are not 1 to 102"):
        prepared(VGG_FLOWER, source, tmp_path / "out")


def aircraft(root: Path) -> Path:
    """100 variants with two images, one in the list of trainval and one in that of test."""
    variants = ["F/A-18", "DHC-8 100", *(f"Boeing {i}" for i in range(98))]
    for part, start in (("trainval", 0), ("test", 100)):
        rows = [f"{start + i:07d} {variant}" for i, variant in enumerate(variants)]
        write(root / f"data/images_variant_{part}.txt", "\n".join(rows).encode())
    for number in range(200):
        write(root / f"data/images/{number:07d}.jpg", picture(number, SIDE))
    return root


def test_aircraft(tmp_path: Path) -> None:
    source = aircraft(tmp_path / "fgvc-aircraft-2013b")
    store = prepared(FGVC_AIRCRAFT, source, tmp_path / "out", image_size=SIDE)
    classes = store.manifest.classes
    assert [len(classes[split]) for split in ("train", "val", "test")] == [70, 15, 15]
    assert {"F/A-18", "DHC-8 100"} <= set(class_names(store))
    numbers = np.array([int(key) for key in keys(store)]).reshape(100, 2)
    assert (numbers[:, 1] - numbers[:, 0] == 100).all()
    expected = [picture(number, SIDE) for number in numbers.ravel()]
    np.testing.assert_array_equal(store.images.transpose(0, 2, 3, 1), expected)


def test_a_line_of_aircraft_without_a_variant(tmp_path: Path) -> None:
    source = aircraft(tmp_path / "in")
    write(source / "data/images_variant_test.txt", b"0000001 Boeing 1\n0000002\n")
    with pytest.raises(DataError, match=r"test\.txt, line 2: a number and a variant"):
        prepared(FGVC_AIRCRAFT, source, tmp_path / "out")


def lesions(root: Path, table: str) -> Path:
    """14 lesions, two of each kind, with the table of the challenge or that of HAM10000."""
    kinds = {f"ISIC_{24306 + i:07d}": KINDS[i % 7] for i in range(14)}
    for i, image in enumerate(kinds):
        write(root / f"images_part_{i // 7 + 1}/{image}.jpg", picture(i, SIDE))
    if table == "challenge":
        order = ["mel", "nv", "bcc", "akiec", "bkl", "df", "vasc"]
        rows = ["image," + ",".join(map(str.upper, order))]
        rows += [",".join([im, *(f"{float(k == o)}" for o in order)]) for im, k in kinds.items()]
        name = "ISIC2018_Task3_Training_GroundTruth.csv"
        write(root / f"ISIC2018_Task3_Training_GroundTruth/{name}", "\n".join(rows).encode())
        write(root / "ISIC2018_Task3_Test_GroundTruth/ISIC2018_Task3_Test_GroundTruth.csv", b"x")
    else:
        rows = ["lesion_id,image_id,dx,dx_type,age,sex,localization"]
        rows += [f"HAM_1,{im},{k},histo,80.0,male,scalp" for im, k in kinds.items()]
        write(root / "HAM10000_metadata.csv", "\n".join(rows).encode())
    return root


def test_lesions(tmp_path: Path) -> None:
    stores = [
        prepared(ISIC, lesions(tmp_path / table, table), tmp_path / "out", image_size=SIDE)
        for table in ("challenge", "HAM10000")
    ]
    for store in stores:
        assert store.manifest.classes == {"train": {}, "val": {}, "test": dict.fromkeys(KINDS, 2)}
        expected = [picture(kind + more, SIDE) for kind in range(7) for more in (0, 7)]
        np.testing.assert_array_equal(store.images.transpose(0, 2, 3, 1), expected)
    assert stores[0].manifest.fingerprint == stores[1].manifest.fingerprint


def test_a_lesion_of_no_kind(tmp_path: Path) -> None:
    source = lesions(tmp_path / "in", "HAM10000")
    table = source / "HAM10000_metadata.csv"
    table.write_text(table.read_text().replace(",nv,", ",wart,", 1))
    with pytest.raises(DataError, match=r"metadata\.csv, line 7: no kind of lesion is marked"):
        prepared(ISIC, source, tmp_path / "out")


def test_meta_album_is_read_as_a_folder(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "tree", {"train": [f"bird {c}" for c in "abcdefghij"]}, n=2)
    rows = ["FILE_NAME,CATEGORY,SUPER_CATEGORY"]
    for number, file in enumerate(sorted(tree.rglob("*.png"))):
        write(tmp_path / f"BRD_Mini/images/{number}.png", file.read_bytes())
        rows.append(f"{number}.png,{file.parent.name},birds")
    write(tmp_path / "BRD_Mini/labels.csv", "\n".join(rows).encode())
    write(tmp_path / "BRD_Mini/info.json", b'{"dataset_name": "BRD_Mini"}')
    store = prepared(FOLDER, tmp_path / "BRD_Mini", tmp_path / "out")
    assert {s: len(c) for s, c in store.manifest.classes.items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    assert {n for names in store.manifest.classes.values() for n in names.values()} == {2}
    assert keys(store)[0].isdecimal()
