"""Data as people have them: what went wrong for users, one test for each kind."""

import io
import json
import shutil
import tarfile
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fewshot_bench.data.library import make, open_benchmark
from fewshot_bench.data.prepare import Options
from fewshot_bench.data.readers.folder import FOLDER
from fewshot_bench.data.readers.mini_imagenet import MINI_IMAGENET
from fewshot_bench.data.readers.omniglot import OMNIGLOT
from fewshot_bench.data.split import random_split
from fewshot_bench.data.store import ImageStore
from fewshot_bench.data.summary import lines, summary
from fewshot_bench.errors import ConfigError, DataError

from .tiny_sources import folder_tree, jpeg, keys, picture, png, prepared, write


def said(store: ImageStore) -> str:
    return "\n".join(lines(summary(store)))


def image_file(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def packed(tree: Path, path: Path, prefix: str = "", separator: str = "/") -> Path:
    """A zip file with the names that some other program would write."""
    with zipfile.ZipFile(path, "w") as zipped:
        for file in sorted(tree.rglob("*.png")):
            name = prefix + file.relative_to(tree).as_posix()
            zipped.writestr(zipfile.ZipInfo(name.replace("/", separator)), file.read_bytes())
    return path


@pytest.mark.parametrize("prefix", ["", "birds/", "a/b/c/birds/"])
@pytest.mark.parametrize("junk", ["README.txt", ".DS_Store", "__MACOSX/birds/._train"])
def test_archives_are_searched_at_any_depth(tmp_path: Path, prefix: str, junk: str) -> None:
    tree = folder_tree(tmp_path / "in")
    expected = prepared(FOLDER, tree, tmp_path / "plain").manifest.fingerprint
    archive = packed(tree, tmp_path / "birds.zip", prefix)
    with zipfile.ZipFile(archive, "a") as zipped:
        zipped.writestr(junk, "x")
    store = prepared(FOLDER, archive, tmp_path / "out")
    assert store.manifest.fingerprint == expected
    assert ("1 file with the suffix .txt" in said(store)) == (junk == "README.txt")
    with tarfile.open(tmp_path / "birds.tar", "w") as tar:
        tar.add(tree, prefix or "birds")
    assert prepared(FOLDER, tmp_path / "birds.tar", tmp_path / "t").manifest.fingerprint == expected


def test_messages_name_the_archive_and_not_where_it_lies_unpacked(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in", {"train": ["ant"], "valid": ["bee"], "test": ["cat"]})
    archive = packed(tree, tmp_path / "birds.zip", "a/b/")
    with pytest.raises(DataError, match=r"birds\.zip/a/b: a split is called 'valid'") as error:
        prepared(FOLDER, archive, tmp_path / "out")
    assert ".source" not in str(error.value)


def test_several_data_sets_in_one_folder_are_not_guessed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder_tree(tmp_path / "in" / name)
    with pytest.raises(DataError, match=r"holds 2 data sets \(one, two\); name one of them"):
        prepared(FOLDER, tmp_path / "in", tmp_path / "out")


def test_a_zip_with_backslashes_is_read_and_may_not_lead_outside(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    archive = packed(tree, tmp_path / "w.zip", "birds/", "\\")
    expected = prepared(FOLDER, tree, tmp_path / "plain").manifest.fingerprint
    assert prepared(FOLDER, archive, tmp_path / "out").manifest.fingerprint == expected
    evil = packed(tree, tmp_path / "evil.zip", "birds/../../../", "\\")
    with pytest.raises(DataError, match="is refused: it wants to write outside"):
        prepared(FOLDER, evil, tmp_path / "out")


def table(tree: Path, separator: str = ",", header: str = "path,class,split") -> str:
    rows = [header.replace(",", separator)]
    for image in sorted(tree.rglob("*.png")):
        split, name = image.parts[-3:-1]
        rows.append(separator.join((image.relative_to(tree).as_posix(), name, split)))
    return "\n".join(rows) + "\n"


DIALECTS = {
    "semicolons": lambda tree: table(tree, ";").encode(),
    "Excel's first line": lambda tree: b"sep=;\r\n" + table(tree, ";").encode(),
    "tabs": lambda tree: table(tree, "\t").encode(),
    "bars": lambda tree: table(tree, "|").encode(),
    "blanks": lambda tree: table(tree, ", ").encode(),
    "capitals": lambda tree: table(tree, ",", "Path,CLASS,Split").encode(),
    "other names": lambda tree: table(tree, ",", "filename,label,subset").encode(),
    "a mark": lambda tree: table(tree).encode("utf-8-sig"),
    "UTF-16": lambda tree: table(tree).encode("utf-16"),
    "UTF-16 without a mark": lambda tree: table(tree).encode("utf-16-le"),
    "UTF-16, big end first": lambda tree: table(tree).encode("utf-16-be"),
    "UTF-32": lambda tree: table(tree).encode("utf-32"),
    "backslashes": lambda tree: table(tree).replace("/", "\\").encode(),
    "absolute paths": lambda tree: table(tree).replace("\nt", f"\n{tree}/t").encode(),
    "another machine": lambda tree: table(tree).replace("\nt", "\n/home/me/x/t").encode(),
    "another Windows": lambda tree: table(tree).replace("\nt", "\nC:\\me\\t").encode(),
    "empty lines": lambda tree: table(tree).replace("\n", "\n\n,,\n").encode(),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_tables_of_every_dialect_are_read(tmp_path: Path, dialect: str) -> None:
    tree = folder_tree(tmp_path / "in", {"train": ["ant", "bee"], "test": ["cat"]})
    expected = prepared(FOLDER, tree, tmp_path / "plain").manifest.fingerprint
    path = write(tree / "list.csv", DIALECTS[dialect](tree))
    assert prepared(FOLDER, path, tmp_path / "out").manifest.fingerprint == expected


def test_a_table_without_a_header_is_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", b"a.png;ant\nb.png;bee\n")
    with pytest.raises(
        DataError, match=r"lacks the column 'path'; its first line has 'a\.png;ant'"
    ):
        prepared(FOLDER, path, tmp_path / "out")


def test_lists_for_each_split(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    expected = prepared(FOLDER, tree, tmp_path / "plain").manifest.fingerprint
    for split, other in {"train": "base", "val": "val", "test": "novel"}.items():
        files = sorted((tree / split).rglob("*.png"))
        classes = sorted({file.parent.name for file in files})
        content = {
            "label_names": classes,
            "image_names": [str(file) for file in files],
            "image_labels": [classes.index(file.parent.name) for file in files],
        }
        write(tmp_path / f"json/{other}.json", json.dumps(content).encode())
        rows = [f"{file.name[:2]}-{file.parent.name}.png,{file.parent.name}" for file in files]
        for file, row in zip(files, rows, strict=True):
            write(tmp_path / "csv/images" / row.partition(",")[0], file.read_bytes())
        write(tmp_path / f"csv/{split}.csv", "\n".join(["filename,label", *rows]).encode())
    assert prepared(FOLDER, tmp_path / "json", tmp_path / "a").manifest.fingerprint == expected
    store = prepared(FOLDER, tmp_path / "csv", tmp_path / "b")
    assert store.manifest.classes == {
        "train": {"ant": 3, "bee": 3},
        "val": {"cat": 3},
        "test": {"dog": 3, "elk": 3},
    }


def test_a_store_without_images_is_never_written(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        write(tmp_path / f"in/{split}/{split}-0/0.jpg", b"<html>404</html>")
    options = {"skip_corrupt": True, "allow_missing_classes": True}
    with pytest.raises(DataError, match="no image is left, 3 images damaged"):
        prepared(FOLDER, tmp_path / "in", tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_what_is_not_read_is_counted_and_named(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    write(tree / "train/.net/0.png", picture(900))
    write(tree / "extra/fox/0.png", picture(901))
    write(tree / "train/loose.png", picture(902))
    write(tree / "train/ant/0.heic", b"no image that Pillow reads")
    for name in ("Thumbs.db", ".DS_Store", "._00.png"):
        write(tree / "train/ant" / name, b"of no interest")
    text = said(prepared(FOLDER, tree, tmp_path / "out"))
    assert "2 folders passed over (extra/, train/.net/)" in text
    assert "1 image passed over (train/loose.png)" in text
    assert "1 file with the suffix .heic passed over (train/ant/0.heic)" in text
    assert "DS_Store" not in text
    assert "Thumbs" not in text


@pytest.mark.parametrize("name", ["test_images", "Test", "my-testing-set"])
def test_folders_that_mean_a_split_are_refused(tmp_path: Path, name: str) -> None:
    tree = folder_tree(tmp_path / "in", {"train": ["ant"], name: ["bee"]})
    with pytest.raises(DataError, match=f"a split is called {name!r}; rename .* to 'test'"):
        prepared(FOLDER, tree, tmp_path / "out")


def test_images_in_subfolders_of_a_class_are_read(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    write(tree / "train/ant/red/00.png", picture(77))
    shutil.move(tree / "train/bee", tree / "train/tmp")
    shutil.move(tree / "train/tmp", tree / "train/bee/deep/deeper")
    store = prepared(FOLDER, tree, tmp_path / "out")
    assert store.manifest.classes["train"] == {"ant": 4, "bee": 3}
    assert keys(store)[:5] == ["00", "01", "02", "red/00", "deep/deeper/00"]


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "dib", "pnm", "tga", "jp2", "pbm", "apng"])
def test_suffixes_that_pillow_reads(tmp_path: Path, suffix: str) -> None:
    tree = folder_tree(tmp_path / "in")
    Image.fromarray(picture(5)).convert("1" if suffix == "pbm" else "RGB").save(
        tree / f"train/ant/more.{suffix}"
    )
    assert len(prepared(FOLDER, tree, tmp_path / "out").images) == 16


@pytest.mark.parametrize("tag", [3, 6, 8])
def test_photographs_are_turned_upright_and_it_is_said(tmp_path: Path, tag: int) -> None:
    upright = np.zeros((64, 64, 3), np.uint8)
    upright[:32, :, 0], upright[32:, :, 2] = 255, 255
    lying = np.rot90(upright, {3: 2, 6: 1, 8: 3}[tag])
    exif = Image.Exif()
    exif[0x0112] = tag
    tree = folder_tree(tmp_path / "in", {"train": ["ant"], "test": ["bee"]})
    write(tree / "train/ant/a.jpg", image_file(Image.fromarray(lying), "JPEG", exif=exif))
    write(tree / "train/ant/b.jpg", jpeg(upright))
    store = prepared(FOLDER, tree, tmp_path / "out", image_size=64)
    a, b = store.images[3].astype(int), store.images[4].astype(int)
    assert abs(a - b).mean() < 6
    assert "1 image turned upright, as their orientation tag says (ant/a)" in said(store)


INK = np.zeros((16, 16), np.uint8)
INK[4:8, 4:12] = 255


def see_through(kind: str) -> bytes:
    alpha, black = Image.fromarray(INK), Image.new("RGB", (16, 16))
    rgba = black.copy()
    rgba.putalpha(alpha)
    grey = Image.new("L", (16, 16))
    grey.putalpha(alpha)
    palette = Image.frombytes("P", (16, 16), (INK // 255).tobytes())
    palette.putpalette([0] * 6)
    coloured = Image.fromarray(np.where(INK[..., None] > 0, 0, (0, 0, 9)).astype(np.uint8))
    if kind == "sixteen bits":
        deep = Image.fromarray(np.where(INK > 0, 9, 0).astype(np.uint16))
        return image_file(deep, "PNG", transparency=0)
    return {
        "RGBA": lambda: image_file(rgba, "PNG"),
        "WebP": lambda: image_file(rgba, "WEBP", lossless=True),
        "grey": lambda: image_file(grey, "PNG"),
        "palette": lambda: image_file(rgba.quantize(4), "PNG"),
        "GIF": lambda: image_file(palette, "GIF", transparency=0),
        "colour": lambda: image_file(coloured, "PNG", transparency=(0, 0, 9)),
    }[kind]()


@pytest.mark.parametrize(
    "kind", ["RGBA", "WebP", "grey", "palette", "GIF", "colour", "sixteen bits"]
)
def test_transparent_images_are_laid_on_white(tmp_path: Path, kind: str) -> None:
    tree = folder_tree(tmp_path / "in")
    write(tree / "train/ant/0.png", see_through(kind))
    store = prepared(FOLDER, tree, tmp_path / "out", image_size=16)
    image = store.images[keys(store).index("0")][0]
    assert (image[INK == 0] == 255).all()
    assert (image[INK > 0] < 10).all()
    assert "1 image with transparency, laid on a white ground (ant/0)" in said(store)
    assert store.manifest.preprocessing["ground"] == "white"


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_images_of_fewer_than_sixteen_bits_keep_their_contrast(tmp_path: Path, bits: int) -> None:
    top = 2**bits - 1
    ramp = np.linspace(0, top, 256).astype(np.uint16).reshape(16, 16)
    for split, part in {"train": 1, "val": 2, "test": 4}.items():
        write(tmp_path / f"in/{split}/{split}-0/0.png", png(ramp // part))
    store = prepared(FOLDER, tmp_path / "in", tmp_path / "out", image_size=16)
    assert [int(image.max()) for image in store.images] == [255, 127, 63]
    assert (f"use {bits} of them" in said(store)) == (bits < 16)


def test_images_that_are_nearly_black_are_reported(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    write(tree / "train/ant/dark.png", picture(3) // 16)
    write(tree / "train/ant/white.png", np.full((12, 12, 3), 255, np.uint8))
    text = said(prepared(FOLDER, tree, tmp_path / "out"))
    assert "2 images nearly black or of one colour (ant/dark, ant/white)" in text


def test_equal_pictures_are_counted_and_named(tmp_path: Path) -> None:
    tree = folder_tree(tmp_path / "in")
    write(tree / "test/dog/07.png", picture(0))  # ant/00
    write(tree / "test/elk/08.bmp", picture(300))  # dog/00
    write(tree / "test/elk/09.png", picture(400))  # elk/00
    text = said(prepared(FOLDER, tree, tmp_path / "out", image_size=12))
    assert "1 picture in more than one split (train/ant/00 = test/dog/07)" in text
    assert "1 picture in more than one class of a split (test/dog/00 = test/elk/08)" in text
    assert "1 picture more than once in a class (test/elk/00 = test/elk/09)" in text


def test_one_photograph_has_one_key_under_all_its_names(tmp_path: Path) -> None:
    from fewshot_bench.data import splits

    wnid = "n01532829"
    official = splits.mini_imagenet_images()[wnid]
    rank, number = next(iter(official.items()))
    places = {"ravi": f"{wnid}{rank:08d}.png", "ilsvrc": f"{wnid}_{number}.png"}
    for layout, name in places.items():
        write(tmp_path / layout / "train" / wnid / name, picture(1))
        for split, other in {"val": "n01855672", "test": "n01930112"}.items():
            write(tmp_path / layout / split / other / "x.png", picture(2))
    stores = [
        prepared(MINI_IMAGENET, tmp_path / layout, tmp_path / "o", allow_missing_classes=True)
        for layout in places
    ]
    assert keys(stores[0])[0] == f"{wnid}_{number}"
    assert stores[0].manifest.fingerprint == stores[1].manifest.fingerprint


def test_omniglot_in_folders_of_its_own_name(tmp_path: Path) -> None:
    flat, deep = tmp_path / "flat", tmp_path / "deep"
    for part, name in (("images_background", "Greek"), ("images_evaluation", "Tengwar")):
        inner = f"{part}/{name}/character01/0_01.png"
        write(flat / inner, picture(len(part), 28, 1))
        write(deep / part / inner, picture(len(part), 28, 1))
    stores = [
        prepared(OMNIGLOT, source, tmp_path / "o", allow_missing_classes=True)
        for source in (flat, deep)
    ]
    assert len(stores[0].images) == 2
    assert stores[0].manifest.fingerprint == stores[1].manifest.fingerprint


def test_names_in_both_forms_of_unicode_are_one_name(tmp_path: Path) -> None:
    prints = set()
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "café")
        write(tmp_path / form / "train" / name / f"{name}.png", picture(0))
        listed = f"path,class,split\n{unicodedata.normalize('NFC', name)}.png,café,train\n"
        write(tmp_path / form / f"{name}.png", picture(0))
        path = write(tmp_path / form / "list.csv", listed.encode())
        for source in (tmp_path / form / "train" / "..", path):
            prints.add(prepared(FOLDER, source, tmp_path / "out").manifest.fingerprint)
    assert len(prints) == 1


def test_names_that_are_not_utf8_are_said_to_be(tmp_path: Path) -> None:
    folder_tree(tmp_path / "in")
    with pytest.raises(DataError, match=r"the name 'caf\\udce9' is not UTF-8; rename it"):
        try:
            write(tmp_path / "in/train" / "caf\udce9" / "0.png", picture(0))
        except OSError:
            pytest.skip("this file system takes UTF-8 only")
        prepared(FOLDER, tmp_path / "in", tmp_path / "out")


def class_folders(root: Path, n: int, images: int = 3) -> Path:
    for c in range(n):
        for i in range(images):
            write(root / f"class{c}" / f"{i}.png", picture(10 * c + i))
    return root


def test_plain_class_folders_are_split_at_random_and_it_is_said(tmp_path: Path) -> None:
    source = class_folders(tmp_path / "in", 10)
    store = open_benchmark(f"folder:{source}")
    assert [len(store.manifest.classes[s]) for s in ("train", "val", "test")] == [6, 2, 2]
    assert "split: 60/20/20 % of the classes at random, seed 0" in said(store)
    assert store.manifest.split == {
        "kind": "random", "train": 0.6, "val": 0.2, "test": 0.2, "seed": 0
    }  # fmt: skip
    rule = random_split(0.5, 0.0, 0.5, seed=3)
    other = open_benchmark(f"folder:{source}", split=rule)
    assert other.splits == ("train", "test")
    assert {n: s for s, names in other.manifest.classes.items() for n in names} == rule(
        f"class{c}" for c in range(10)
    )
    assert open_benchmark(f"folder:{source}").manifest.split == rule.record()


def test_a_rule_is_refused_where_the_data_have_their_split(tmp_path: Path) -> None:
    source = folder_tree(tmp_path / "in")
    with pytest.raises(ConfigError, match="has its own split"):
        open_benchmark(f"folder:{source}", split=random_split(0.5, 0, 0.5))


def test_small_classes_are_left_out_and_named_and_it_is_remembered(tmp_path: Path) -> None:
    source = class_folders(tmp_path / "in", 6)
    write(source / "rare/0.png", picture(99))
    store = make(f"folder:{source}", None, Options(min_images=2, fit="crop"))
    assert "1 class with fewer than 2 images, left out (rare)" in said(store)
    assert store.manifest.preprocessing["resize"] == "84x84, of the largest square in the middle"
    write(source / "class0/more.png", picture(98))
    again = open_benchmark(f"folder:{source}").manifest
    assert "rare" not in {name for names in again.classes.values() for name in names}
    assert sum(map(len, again.classes.values())) == 6


def test_crop_takes_the_middle(tmp_path: Path) -> None:
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16] = picture(1, 8)
    tree = folder_tree(tmp_path / "in")
    write(tree / "train/ant/00.png", wide)
    store = prepared(FOLDER, tree, tmp_path / "out", image_size=8, fit="crop")
    np.testing.assert_array_equal(store.images[0].transpose(1, 2, 0), picture(1, 8))
