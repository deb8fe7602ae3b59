import collections
import gc
import tarfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewshot_bench.data import splits
from fewshot_bench.data.readers import tiered_imagenet
from fewshot_bench.data.readers.mini_imagenet import MINI_IMAGENET
from fewshot_bench.data.readers.tiered_imagenet import TIERED_IMAGENET
from fewshot_bench.errors import DataError

from .tiny_sources import class_names, jpeg, picture, png, prepared, write, write_pickle

MINI, TIERED = splits.mini_imagenet(), splits.tiered_imagenet()
WNID = "n01532829"  # house finch: in the training classes of both
NUMBERS = splits.mini_imagenet_images()[WNID]
PLACES = [".", "train", "ILSVRC/Data/CLS-LOC/train", "Data/CLS-LOC/train"]


def finches(folder: Path) -> list[bytes]:
    """The 600 listed images of one class, and some that the list leaves out."""
    images = [jpeg(picture(i, 8)) for i in range(3)]
    for place, number in enumerate(NUMBERS.values()):
        write(folder / f"{WNID}_{number}.JPEG", images[place % 3])
    write(folder / f"{WNID}_999999.JPEG", images[0])
    write(folder / "README.txt", b"not an image")
    return images


@pytest.mark.parametrize("place", PLACES)
def test_mini_takes_the_listed_images_of_ilsvrc(tmp_path: Path, place: str) -> None:
    finches(tmp_path / "in" / place / WNID)
    write(tmp_path / "in" / place / "n00000000/n00000000_1.JPEG", b"another class")
    options: dict[str, Any] = {"allow_missing_classes": True, "image_size": 8}
    store = prepared(MINI_IMAGENET, tmp_path / "in", tmp_path / "out", **options)
    assert store.manifest.classes == {"train": {WNID: 600}, "val": {}, "test": {}}
    assert store.manifest.fingerprint.endswith("-partial-1-of-100")


def tarred(folder: Path) -> Path:
    """A folder with the tar of the class instead of its files."""
    with tarfile.open(folder.with_suffix(".tar"), "w") as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, file.name)
            file.unlink()
    folder.rmdir()
    return folder.parent


@pytest.mark.parametrize("place", PLACES)
def test_tars_of_classes_are_the_same_images(tmp_path: Path, place: str) -> None:
    options: dict[str, Any] = {"allow_missing_classes": True, "image_size": 8}
    for benchmark in (MINI_IMAGENET, TIERED_IMAGENET):
        folder = tmp_path / benchmark.name / place / WNID
        finches(folder)
        plain = prepared(benchmark, tmp_path / benchmark.name, tmp_path / "out", **options)
        tarred(folder)
        tars = prepared(benchmark, tmp_path / benchmark.name, tmp_path / "out", **options)
        assert tars.manifest.fingerprint == plain.manifest.fingerprint
        assert tars.manifest.raw_sha256 == plain.manifest.raw_sha256
        assert tars.manifest.layout.startswith("ILSVRC-2012's tar of each class")


def test_the_tar_of_tars_is_read(tmp_path: Path) -> None:
    finches(tmp_path / "in" / WNID)
    folder = tarred(tmp_path / "in" / WNID)
    with tarfile.open(tmp_path / "ILSVRC2012_img_train.tar", "w") as tar:
        tar.add(folder / f"{WNID}.tar", f"{WNID}.tar")
    options: dict[str, Any] = {"allow_missing_classes": True, "image_size": 8}
    source = tmp_path / "ILSVRC2012_img_train.tar"
    store = prepared(MINI_IMAGENET, source, tmp_path / "out", **options)
    assert store.manifest.classes["train"] == {WNID: 600}


def test_what_a_tar_lacks_or_breaks(tmp_path: Path) -> None:
    finches(tmp_path / "in" / WNID)
    number = next(iter(NUMBERS.values()))
    (tmp_path / "in" / WNID / f"{WNID}_{number}.JPEG").unlink()
    folder = tarred(tmp_path / "in" / WNID)
    options: dict[str, Any] = {"allow_missing_classes": True, "image_size": 8}
    with pytest.raises(DataError, match=r"1 image damaged or missing.*the file is missing"):
        prepared(MINI_IMAGENET, folder, tmp_path / "out", **options)
    write(folder / f"{WNID}.tar", b"<html>404</html>" * 100)
    with pytest.raises(DataError, match=rf"{WNID}\.tar is truncated or damaged"):
        prepared(MINI_IMAGENET, folder, tmp_path / "out", **options)


def metaoptnet(folder: Path, *, named: bool) -> Path:
    """Two images of each class in the three files, with the names of classes or without."""
    labels = {name: label for label, name in enumerate(sorted(MINI, reverse=True))}
    parts = {"train": "train_phase_train", "val": "val", "test": "test"}
    for split, part in parts.items():
        names = [name for name in MINI if MINI[name] == split]
        images = [picture(2 * labels[name] + i, 8) for name in names for i in range(2)]
        content: dict[str, Any] = {
            "data": np.stack(images),
            "labels": [labels[name] for name in names for _ in range(2)],
        }
        if named:
            content["catname2label"] = {name: labels[name] for name in names}
            content["label2catname"] = {labels[name]: name for name in names}
        write_pickle(folder / f"miniImageNet_category_split_{part}.pickle", content)
    return folder


def test_metaoptnets_pickles_of_mini_imagenet(tmp_path: Path) -> None:
    source = metaoptnet(tmp_path / "named", named=True)
    store = prepared(MINI_IMAGENET, source, tmp_path / "out", image_size=8)
    for split, names in store.manifest.classes.items():
        assert names == {name: 2 for name in sorted(MINI) if MINI[name] == split}
    order = class_names(store)
    label = {name: len(MINI) - 1 - place for place, name in enumerate(sorted(MINI))}
    expected = [picture(2 * label[name] + i, 8) for name in order for i in range(2)]
    np.testing.assert_array_equal(store.images.transpose(0, 2, 3, 1), expected)


def test_metaoptnets_pickles_without_names_are_counted(tmp_path: Path) -> None:
    source = metaoptnet(tmp_path / "bare", named=False)
    classes = prepared(MINI_IMAGENET, source, tmp_path / "out", image_size=8).manifest.classes
    assert {s: len(c) for s, c in classes.items()} == {"train": 64, "val": 16, "test": 20}
    assert all(name.startswith("val-") for name in classes["val"])


def test_mini_counts_listed_images_that_are_not_there(tmp_path: Path) -> None:
    finches(tmp_path / "in" / WNID)
    for number in list(NUMBERS.values())[:2]:
        (tmp_path / "in" / WNID / f"{WNID}_{number}.JPEG").unlink()
    options: dict[str, Any] = {"allow_missing_classes": True, "image_size": 8}
    with pytest.raises(DataError, match=r"2 images damaged or missing.*the file is missing"):
        prepared(MINI_IMAGENET, tmp_path / "in", tmp_path / "out", **options)
    options["skip_corrupt"] = True
    store = prepared(MINI_IMAGENET, tmp_path / "in", tmp_path / "out", **options)
    assert len(store.images) == 598
    assert len(store.manifest.skipped) == 2


def test_ravis_names_and_ilsvrcs_are_the_same_images(tmp_path: Path) -> None:
    images = finches(tmp_path / "ilsvrc" / WNID)
    rows = ["filename,label"]
    for place, index in enumerate(NUMBERS):
        rows.append(f"{WNID}{index:08d}.jpg,{WNID}")
        write(tmp_path / "ravi/images" / f"{WNID}{index:08d}.jpg", images[place % 3])
    write(tmp_path / "ravi/train.csv", "\n".join(rows).encode())
    write(tmp_path / "ravi/val.csv", b"filename,label\n")
    options: dict[str, Any] = {"allow_missing_classes": True, "image_size": 8}
    ravi = prepared(MINI_IMAGENET, tmp_path / "ravi", tmp_path / "a", **options)
    ilsvrc = prepared(MINI_IMAGENET, tmp_path / "ilsvrc", tmp_path / "b", **options)
    assert "Ravi" in ravi.manifest.layout
    assert ravi.manifest.fingerprint == ilsvrc.manifest.fingerprint
    assert ravi.manifest.raw_sha256 == ilsvrc.manifest.raw_sha256


def test_ravis_tables_must_be_tables(tmp_path: Path) -> None:
    write(tmp_path / "in/train.csv", b"name,class\na,b\n")
    with pytest.raises(DataError, match="no CSV file with columns filename,label"):
        prepared(MINI_IMAGENET, tmp_path / "in", tmp_path / "out")


def split_tree(root: Path, official: splits.Classes) -> Path:
    for i, (wnid, split) in enumerate(official.items()):
        write(root / split / wnid / f"{wnid}_1.png", picture(i % 5, 8))
    return root


@pytest.mark.parametrize("benchmark", [MINI_IMAGENET, TIERED_IMAGENET], ids=lambda b: b.name)
def test_class_folders_under_splits(tmp_path: Path, benchmark: Any) -> None:
    official = benchmark.official()
    source = split_tree(tmp_path / "in", official)
    store = prepared(benchmark, source, tmp_path / "out", image_size=8)
    assert store.manifest.layout.startswith("train|val|test/<wnid>")
    found = {name: s for s, sizes in store.manifest.classes.items() for name in sizes}
    assert found == dict(official)
    wrong = next(name for name, split in official.items() if split == "test")
    (source / "test" / wrong).rename(source / "val" / wrong)
    with pytest.raises(DataError, match=f"class {wrong} belongs to test, not to val"):
        prepared(benchmark, source, tmp_path / "out")


def test_a_whole_ilsvrc_with_its_own_val_folder_is_no_split_tree(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for wnid in TIERED:
        for part in ("train", "val", "test"):
            write(source / part / wnid / f"{wnid}_{part}.JPEG", jpeg(picture(1, 8)))
    store = prepared(TIERED_IMAGENET, source, tmp_path / "out", image_size=8)
    assert store.manifest.layout.startswith("ILSVRC-2012")
    assert len(store.images) == 608


@pytest.mark.parametrize("protocol", [2, 4])
def test_mini_imagenet_caches(tmp_path: Path, protocol: int) -> None:
    for split in ("train", "val", "test"):
        names = [wnid for wnid, s in MINI.items() if s == split]
        images = np.stack([picture(i, 84) for i in range(2 * len(names))])
        places = {name: [2 * i, 2 * i + 1] for i, name in enumerate(names)}
        content = {"image_data": images, "class_dict": places}
        write_pickle(tmp_path / f"in/mini-imagenet-cache-{split}.pkl", content, protocol)
    store = prepared(MINI_IMAGENET, tmp_path / "in", tmp_path / "out")
    assert len(store.images) == 200
    first = [wnid for wnid, s in MINI.items() if s == "train"].index(
        next(iter(store.manifest.classes["train"]))
    )
    np.testing.assert_array_equal(store.images[1].transpose(1, 2, 0), picture(2 * first + 1, 84))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": 1}, "has no 'image_data' and 'class_dict'"),
        (
            {"image_data": np.zeros((1, 8, 8, 3), np.uint8), "class_dict": {WNID: [1]}},
            "points at images that are not there",
        ),
        (
            {"image_data": np.zeros((1, 8, 8, 3), np.uint8), "class_dict": {"n01855672": [0]}},
            "n01855672 belongs to val",
        ),
    ],
)
def test_other_caches_are_refused(tmp_path: Path, content: object, message: str) -> None:
    write_pickle(tmp_path / "in/mini-imagenet-cache-train.pkl", content)
    with pytest.raises(DataError, match=message):
        prepared(MINI_IMAGENET, tmp_path / "in", tmp_path / "out")


def ren_pickles(root: Path, *, words: bool) -> Path:
    """Ren et al.'s files, or MetaOptNet's with bare numbers."""
    of_wnid = {wnid: text for text, wnid in splits.tiered_words().items()}
    for split in ("train", "val", "test"):
        names = [wnid for wnid, s in TIERED.items() if s == split][::-1]
        codes = [png(picture(i % 9, 8)) for i in range(2 * len(names))]
        encoded = [np.frombuffer(code, np.uint8).reshape(-1, 1) for code in codes]  # as OpenCV
        labels = np.repeat(np.arange(len(names), dtype=np.int32), 2)
        content: dict[str, Any] = {"labels": labels.tolist()}
        if words:
            described = [of_wnid[name].encode() for name in names]
            content = {"label_specific": labels, "label_specific_str": described}
        write_pickle(root / f"{split}_labels.pkl", content, 2)
        write_pickle(root / f"{split}_images_png.pkl", encoded, 2)
    return root


def test_rens_pickles_with_words(tmp_path: Path) -> None:
    store = prepared(
        TIERED_IMAGENET, ren_pickles(tmp_path / "in", words=True), tmp_path / "out", image_size=8
    )
    found = {name: s for s, sizes in store.manifest.classes.items() for name in sizes}
    assert found == dict(TIERED)
    assert len(store.images) == 2 * 608
    names = [wnid for wnid, s in TIERED.items() if s == "train"][::-1]
    label = names.index(next(iter(store.manifest.classes["train"])))
    np.testing.assert_array_equal(store.images[0].transpose(1, 2, 0), picture((2 * label) % 9, 8))


def test_pickles_with_bare_numbers(tmp_path: Path) -> None:
    source = ren_pickles(tmp_path / "in", words=False)
    store = prepared(TIERED_IMAGENET, source, tmp_path / "out", image_size=8)
    counts = {split: len(sizes) for split, sizes in store.manifest.classes.items()}
    assert counts == {"train": 351, "val": 97, "test": 160}
    assert "test-159" in store.manifest.classes["test"]
    assert store.manifest.missing == []


def test_one_split_of_the_pickles_is_held_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Images(list[Any]):
        pass

    read, alive = tiered_imagenet._read_images, collections.deque[weakref.ref[Images]]()

    def watched(path: Path) -> Images:
        gc.collect()
        assert not any(ref() is not None for ref in alive), "an earlier split is still held"
        images = Images(read(path))
        alive.append(weakref.ref(images))
        return images

    monkeypatch.setattr(tiered_imagenet, "_read_images", watched)
    source = ren_pickles(tmp_path / "in", words=True)
    prepared(TIERED_IMAGENET, source, tmp_path / "out", image_size=8)
    assert len(alive) == 3


def test_label_files_must_fit(tmp_path: Path) -> None:
    source = ren_pickles(tmp_path / "in", words=True)
    write_pickle(source / "val_labels.pkl", {"something": 1})
    with pytest.raises(DataError, match="no 'label_specific' and no 'labels'"):
        prepared(TIERED_IMAGENET, source, tmp_path / "out")
    write_pickle(source / "val_labels.pkl", {"labels": [0] * 500})
    with pytest.raises(DataError, match="has 194 images, fewer than its labels"):
        prepared(
            TIERED_IMAGENET, source, tmp_path / "out", image_size=8, allow_missing_classes=True
        )
    (source / "val_labels.pkl").unlink()
    with pytest.raises(DataError, match=r"val_labels\.pkl can't be read: No such file"):
        prepared(TIERED_IMAGENET, source, tmp_path / "out")
