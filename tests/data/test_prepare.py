import dataclasses
import json
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from fewshot_bench.data.benchmark import Benchmark, ClassSource, ImageItem, Layout
from fewshot_bench.data.readers.folder import FOLDER
from fewshot_bench.data.store import open_store
from fewshot_bench.data.verify import verify
from fewshot_bench.errors import DataError

from .tiny_sources import folder_tree, jpeg, picture, png, prepared, write

SMALL = dataclasses.replace(FOLDER, image_size=12)


def official() -> dict[str, str]:
    return {"ant": "train", "bee": "train", "cat": "val", "dog": "test", "elk": "test"}


OFFICIAL = dataclasses.replace(SMALL, name="five", official=official)


def test_the_array_holds_the_decoded_images_in_sorted_order(tmp_path: Path) -> None:
    store = prepared(SMALL, folder_tree(tmp_path / "in"), tmp_path / "out")
    assert store.images.shape == (15, 3, 12, 12)
    assert store.manifest.classes == {
        "train": {"ant": 3, "bee": 3},
        "val": {"cat": 3},
        "test": {"dog": 3, "elk": 3},
    }
    for place, seed in enumerate([0, 1, 2, 100, 101, 102, 200, 201, 202, 300]):
        np.testing.assert_array_equal(store.images[place].transpose(1, 2, 0), picture(seed))
    assert verify(store) == []
    assert {path.name for path in store.folder.iterdir()} == {
        "images.bin",
        "images.blocks",
        "images.tsv",
        "store.json",
    }


def test_prepared_twice_gives_the_same_bytes_with_any_number_of_jobs(tmp_path: Path) -> None:
    source = folder_tree(tmp_path / "in", n=9)
    first = prepared(SMALL, source, tmp_path / "a", jobs=1).folder
    second = prepared(SMALL, source, tmp_path / "b", jobs=4).folder
    prepared(SMALL, source, tmp_path / "b", jobs=4)
    for name in ("images.bin", "images.tsv", "store.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_image_size_is_the_users(tmp_path: Path) -> None:
    store = prepared(SMALL, folder_tree(tmp_path / "in"), tmp_path / "out", image_size=8)
    assert store.images.shape == (15, 3, 8, 8)
    assert store.manifest.image_size == 8


def test_every_kind_of_damage_is_named_and_counted(tmp_path: Path) -> None:
    source = folder_tree(tmp_path / "in")
    write(source / "train/ant/03.png", b"")
    write(source / "train/ant/04.jpg", jpeg(picture(4, 64))[:900])
    write(source / "val/cat/05.png", b"\x89PNG\r\n\x1a\n" + bytes(range(200)))
    write(source / "test/dog/06.png", png(picture(5, 64))[:-200])
    write(source / "test/dog/07.gif", b"GIF89a, or so it says")
    (source / "test/elk/08.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(
        DataError, match="6 images damaged or missing, the first is ant/03"
    ) as error:
        prepared(SMALL, source, tmp_path / "out")
    assert "the file is empty" in str(error.value)
    assert "--skip-corrupt" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()
    store = prepared(SMALL, source, tmp_path / "out", skip_corrupt=True)
    assert len(store.images) == 15
    named = {(image["class"], image["key"]): image["reason"] for image in store.manifest.skipped}
    assert list(named) == [
        ("ant", "03"),
        ("ant", "04"),
        ("cat", "05"),
        ("dog", "06"),
        ("dog", "07"),
        ("elk", "08"),
    ]
    assert "truncated" in named["ant", "04"]
    assert named["elk", "08"] == "the file is missing"
    assert not any(str(tmp_path) in reason for reason in named.values())


def test_missing_classes_are_counted_and_named(tmp_path: Path) -> None:
    source = folder_tree(tmp_path / "in", {"train": ["ant"], "val": ["cat"], "test": ["dog"]})
    with pytest.raises(DataError, match=r"five: 2 of 5 classes are missing \(bee, elk\)"):
        prepared(OFFICIAL, source, tmp_path / "out")
    store = prepared(OFFICIAL, source, tmp_path / "out", allow_missing_classes=True)
    assert store.manifest.missing == ["bee", "elk"]
    assert store.manifest.fingerprint.endswith("-partial-3-of-5")
    assert verify(store) == []


def test_a_class_without_images_is_a_missing_class(tmp_path: Path) -> None:
    source = folder_tree(tmp_path / "in")
    for image in (source / "train/bee").iterdir():
        image.write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"1 class without images \(bee\)"):
        prepared(OFFICIAL, source, tmp_path / "out", skip_corrupt=True)
    options = {"skip_corrupt": True, "allow_missing_classes": True}
    store = prepared(OFFICIAL, source, tmp_path / "out", **options)
    assert store.manifest.missing == ["bee"]
    assert store.manifest.fingerprint.endswith("-partial-4-of-5")
    assert verify(store) == []


def test_nothing_of_a_benchmark_is_an_error_even_if_classes_may_miss(tmp_path: Path) -> None:
    empty = dataclasses.replace(
        OFFICIAL, layouts=(Layout("nothing", lambda _: True, lambda _: []),)
    )
    with pytest.raises(DataError, match="5 of 5 classes are missing"):
        prepared(empty, tmp_path, tmp_path / "out", allow_missing_classes=True)


def test_unnamed_classes_are_counted(tmp_path: Path) -> None:
    source = folder_tree(tmp_path / "in")

    def scan(path: Path, names: tuple[str, ...]) -> list[ClassSource]:
        found = FOLDER.layouts[0].scan(path)
        return [
            dataclasses.replace(c, name=f"{c.split}-{i}", named=False)
            for i, c in enumerate(found)
            if c.name in names
        ]

    def unnamed(*names: str) -> Benchmark:
        layout = Layout("no names", lambda _: True, lambda path: scan(path, names))
        return dataclasses.replace(OFFICIAL, layouts=(layout,))

    assert prepared(unnamed(*official()), source, tmp_path / "out").manifest.missing == []
    with pytest.raises(DataError, match=r"1 of 5 classes.*train class 1 \(name unknown\)"):
        prepared(unnamed("ant", "cat", "dog", "elk"), source, tmp_path / "out")
    with pytest.raises(DataError, match=r"1 of 5 classes are missing \(cat\)"):
        prepared(unnamed("ant", "bee", "dog", "elk"), source, tmp_path / "out")


def test_unknown_layouts_are_listed(tmp_path: Path) -> None:
    picky = dataclasses.replace(SMALL, layouts=(Layout("a CSV", lambda _: False, lambda _: []),))
    with pytest.raises(DataError, match="is no known layout of folder; known are: a CSV"):
        prepared(picky, tmp_path, tmp_path / "out")
    with pytest.raises(DataError, match="does not exist"):
        prepared(picky, tmp_path / "none", tmp_path / "out")


def test_names_that_would_break_the_index_are_refused(tmp_path: Path) -> None:
    source = folder_tree(tmp_path / "in")
    write(source / "train/a\tb/00.png", picture(1))
    with pytest.raises(DataError, match=r"'a\\tb' can't be printed on one line"):
        prepared(SMALL, source, tmp_path / "out")


def test_one_changed_byte_is_found(tmp_path: Path) -> None:
    store = prepared(SMALL, folder_tree(tmp_path / "in"), tmp_path / "out")
    path = store.folder / "images.bin"
    data = bytearray(path.read_bytes())
    data[5 * 3 * 12 * 12 + 17] ^= 1
    path.write_bytes(bytes(data))
    assert verify(open_store(store.folder)) == [
        "bee 02: the pixels are not those that were prepared",
        "the blocks of the array do not have the hashes that were written",
    ]


def test_damaged_stores_are_refused(tmp_path: Path) -> None:
    folder = prepared(SMALL, folder_tree(tmp_path / "in"), tmp_path / "out").folder
    manifest = json.loads((folder / "store.json").read_text())
    newer = {**manifest, "schema": manifest["schema"] + 1}
    (folder / "store.json").write_text(json.dumps(newer))
    with pytest.raises(DataError, match="written by a newer fewshot_bench"):
        open_store(folder)
    (folder / "store.json").write_text("[]")
    with pytest.raises(DataError, match="is not a store manifest"):
        open_store(folder)
    (folder / "store.json").write_text(json.dumps(manifest)[:-40])
    with pytest.raises(DataError, match="can't be read"):
        open_store(folder)
    (folder / "store.json").write_text(json.dumps(manifest))
    with (folder / "images.bin").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(DataError, match="is damaged: 6480 bytes expected"):
        open_store(folder)


def test_progress_counts_images_and_classes(tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    from fewshot_bench.data.prepare import prepare

    prepare(SMALL, tmp_path / "out", folder_tree(tmp_path / "in"), None, lambda *x: seen.append(x))
    assert seen[0] == (1, 0, 5)
    assert seen[-1] == (15, 5, 5)
    assert len(seen) == 16


def test_few_images_are_decoded_ahead_of_their_turn(tmp_path: Path) -> None:
    """Memory stays flat: the writer never lags far behind the decoders."""
    reads, lock, most = 0, threading.Lock(), 0

    def read() -> bytes:
        nonlocal reads
        with lock:
            reads += 1
        return png(picture(reads))

    items = [ImageItem(f"{i:03d}", read) for i in range(200)]
    made = dataclasses.replace(
        SMALL, generate=lambda: [ClassSource("only", "train", lambda: items)]
    )

    def progress(images: int, *_: int) -> None:
        nonlocal most
        with lock:
            most = max(most, reads - images)

    from fewshot_bench.data.prepare import Options, prepare

    prepare(made, tmp_path / "out", None, Options(jobs=2, image_size=512), progress)
    assert most <= 9


def test_warnings_of_decoders_are_hushed_and_filters_stay(tmp_path: Path) -> None:
    def read() -> bytes:
        warnings.warn("odd EXIF block", UserWarning, stacklevel=1)
        return png(picture(1))

    items = [ImageItem(f"{i}", read) for i in range(20)]
    made = dataclasses.replace(
        SMALL, generate=lambda: [ClassSource("only", "train", lambda: items)]
    )
    before = list(warnings.filters)
    prepared(made, None, tmp_path / "out", jobs=4)
    assert warnings.filters == before
