import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewshot_bench.data import watched
from fewshot_bench.data.readers.folder import FOLDER
from fewshot_bench.data.watched import listing
from fewshot_bench.errors import DataError

from .tiny_sources import folder_tree, keys, picture, prepared, write


def as_csv(tree: Path, path: Path) -> Path:
    lines = ["path,class,split"]
    for image in sorted(tree.rglob("*.png")):
        split, name = image.parts[-3:-1]
        lines.append(f"{Path(os.path.relpath(image, path.parent)).as_posix()},{name},{split}")
    return write(path, "\n".join(lines).encode())


def test_a_tree_and_a_csv_file_give_the_same_store(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    first = prepared(FOLDER, tree, tmp_path / "a")
    assert first.images.shape == (15, 3, 84, 84)
    for path in (tree / "list.csv", tmp_path / "elsewhere" / "list.CSV"):
        store = prepared(FOLDER, as_csv(tree, path), tmp_path / "b")
        assert store.manifest.fingerprint == first.manifest.fingerprint
        np.testing.assert_array_equal(store.images, first.images)


def test_archives_of_a_tree(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in" / "birds")
    packed = Path(shutil.make_archive(str(tmp_path / "birds"), "zip", tree.parent, "birds"))
    first = prepared(FOLDER, tree, tmp_path / "a")
    assert (
        prepared(FOLDER, packed, tmp_path / "b").manifest.fingerprint == first.manifest.fingerprint
    )


def test_hidden_and_other_files_are_passed_over(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    for name in ("._00.png", ".DS_Store", "notes.txt", "weights.bin"):
        write(tree / "train/ant" / name, b"no image")
    write(tree / "train/.cache/x.png", b"no image")
    assert len(prepared(FOLDER, tree, tmp_path / "out").images) == 15


def test_names_that_differ_in_the_suffix_only_are_kept_apart(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    write(tree / "train/ant/00.bmp", picture(77))
    store = prepared(FOLDER, tree, tmp_path / "out")
    assert keys(store)[:4] == ["00.bmp", "00.png", "01", "02"]


@pytest.mark.parametrize("name", ["valid", "validation", "dev", "vall"])
def test_a_split_of_another_name_gets_a_hint(tmp_path: Path, name: str) -> None:
    tree = folder_tree(tmp_path / "in", {"train": ["ant"], name: ["bee"], "test": ["cat"]})
    with pytest.raises(DataError, match=f"a split is called {name!r}; rename that folder to 'val'"):
        prepared(FOLDER, tree, tmp_path / "out")


def test_a_tree_without_splits(tmp_path: Path) -> None:
    write(tmp_path / "in/ant/0.png", picture(0))
    with pytest.raises(
        DataError, match="has no train/, val/ or test/ folder and no two folders with images"
    ):
        prepared(FOLDER, tmp_path / "in", tmp_path / "out")
    (tmp_path / "bare/train").mkdir(parents=True)
    with pytest.raises(DataError, match="no class folders"):
        prepared(FOLDER, tmp_path / "bare", tmp_path / "out")


def test_empty_classes_are_counted_and_named(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    (tree / "test/fox").mkdir()
    write(tree / "test/gnu/readme.txt", b"")
    with pytest.raises(DataError, match="2 folders of classes without images, the first is test/f"):
        prepared(FOLDER, tree, tmp_path / "out")


def test_a_class_in_two_splits(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    shutil.copytree(tree / "train/ant", tree / "test/ant")
    with pytest.raises(DataError, match="class 'ant' stands in two splits"):
        prepared(FOLDER, tree, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,split\na.png,train\n", "lacks the column 'class'"),
        ("", "lacks the column 'path'"),
        ("path,class,split\n", "lists no images"),
        (
            "path,class,split\na.png,ant,valid\n",
            "line 2: unknown split 'valid'; did you mean 'val'",
        ),
        ("path,class,split\na.png,ant,x\n", "line 2: unknown split 'x'; known: train, val, test"),
        ("path,class,split\na.png,ant\n", "line 2: unknown split ''"),
        ("path,class,split\n,ant,train\n", "line 2: path or class is empty"),
        ("path,class,split\n/a.png,ant,train\n", "must be relative to the CSV file"),
        ("path,class,split\na.png,ant,train\nb.png,ant,test\n", "stands in two splits"),
        ("path,class,split\na.png,ant,train\n./a.png,bee,test\n", r"line 3: \./a\.png is .* twice"),
        ("path,class,split\nnone.png,ant,train\n", r"ant/none \(the file is missing\)"),
        ("path,class,split\n\xff\xfe,ant,train\n", "can't be read as CSV"),
    ],
)
def test_csv_mistakes(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "list.csv", text.encode("latin1"))
    with pytest.raises(DataError, match=message) as error:
        prepared(FOLDER, path, tmp_path / "out")
    assert "\n" not in str(error.value)


def test_equal_file_names_in_a_csv_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for i, name in enumerate("ab"):
        write(tmp_path / name / "0.png", picture(i))
    path = write(tmp_path / "l.csv", b"path,class,split\na/0.png,ant,train\nb/0.png,ant,train\n")
    store = prepared(FOLDER, path, tmp_path / "out")
    assert keys(store) == ["a/0.png", "b/0.png"]


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    write(tmp_path / "0.png", picture(0))
    path = write(tmp_path / "l.csv", b"\xef\xbb\xbfpath,class,split\r\n0.png,ant,train\r\n")
    assert len(prepared(FOLDER, path, tmp_path / "out").images) == 1


def test_the_listing_changes_with_the_files(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    path = as_csv(tree, tree / "list.csv")
    for source, time in ((tree, 1), (path, 2)):
        before = listing(source)
        assert listing(source) == before
        os.utime(tree / "train/ant/00.png", ns=(time, time))
        assert listing(source) != before
    write(tree / "val/cat/new.png", picture(1))
    assert listing(tree) != before


def test_a_folder_that_can_not_be_listed_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    def locked(path: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    tree = folder_tree(tmp_path / "tree")
    monkeypatch.setattr(watched.os, "scandir", locked)
    with pytest.raises(DataError, match=r"tree.* can't be read: Permission denied"):
        listing(tree)
