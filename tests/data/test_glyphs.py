import collections
import functools
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFont

from fewshot_bench.data.benchmark import SplitName
from fewshot_bench.data.glyphs.characters import Character, candidates, limit_accents
from fewshot_bench.data.glyphs.distort import distort, uniforms
from fewshot_bench.data.glyphs.drawing import Drawing, place
from fewshot_bench.data.glyphs.lookalikes import drop_lookalikes
from fewshot_bench.data.glyphs.outlines import FACES, Outline, has_character, read_outline
from fewshot_bench.data.glyphs.raster import rasterise
from fewshot_bench.data.prepare import prepare
from fewshot_bench.data.readers.glyphs import GLYPHS, choose, clean_images, draw
from fewshot_bench.data.store import ImageStore
from fewshot_bench.data.verify import verify
from fewshot_bench.files import sha256

Chosen = list[tuple[Character, tuple[str, ...]]]


@pytest.fixture(scope="module")
def chosen() -> Chosen:
    return choose()


@pytest.fixture(scope="module")
def store(chosen: Chosen, tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    with pytest.MonkeyPatch.context() as patch:  # the choice takes seconds and is made already
        patch.setattr("fewshot_bench.data.readers.glyphs.choose", lambda: chosen)
        return prepare(GLYPHS, tmp_path_factory.mktemp("store") / "glyphs")


def by_class(store: ImageStore, split: SplitName) -> NDArray[np.uint8]:
    """All images of a split: (classes, instances, 28, 28)."""
    part = store.split(split)
    return np.asarray(part.images).reshape(part.n_classes, -1, 28, 28)


def pixels(character: Character, faces: tuple[str, ...]) -> bytes:
    return b"".join(np.asarray(item.read()).tobytes() for item in draw(character, faces))


# --- what is promised of the benchmark --------------------------------------------------------


def test_there_are_enough_classes_in_each_split(chosen: Chosen) -> None:
    counts = collections.Counter(character.split for character, _ in chosen)
    assert len(chosen) >= 600
    assert counts["train"] >= 350
    assert counts["val"] >= 60
    assert counts["test"] >= 100


def test_splits_share_no_script(chosen: Chosen) -> None:
    scripts = collections.defaultdict(set)
    for character, _ in chosen:
        scripts[character.split].add(character.class_name.split("/")[0])
    assert scripts["test"] == {"georgian", "armenian"}
    assert scripts["val"] == {"greek", "lao"}
    assert scripts["train"] == {"latin", "cyrillic", "accented", "symbols"}


def test_every_class_has_20_instances_from_8_faces(chosen: Chosen, store: ImageStore) -> None:
    assert all(len(set(faces)) >= 8 for _, faces in chosen)
    sizes = [n for classes in store.manifest.classes.values() for n in classes.values()]
    assert set(sizes) == {20}
    keys = collections.defaultdict(set)
    for line in (store.folder / "images.tsv").read_text(encoding="utf-8").splitlines():
        name, key, _ = line.split("\t")
        keys[name].add(key.rsplit("-", 1)[0])
    assert len(keys) == len(chosen)
    assert min(map(len, keys.values())) >= 8


def test_class_names_say_what_the_character_is(chosen: Chosen) -> None:
    names = {character.class_name for character, _ in chosen}
    assert {"georgian/U+10D0 an", "armenian/U+0531 capital ayb"} <= names


def test_the_store_is_whole(store: ImageStore) -> None:
    assert store.images.shape == (sum(map(len, store.manifest.classes.values())) * 20, 1, 28, 28)
    assert verify(store) == []


def test_images_have_ink_inside_and_a_dark_border(store: ImageStore) -> None:
    images = np.asarray(store.images)[:, 0]
    ink = images.mean(axis=(1, 2)) / 255
    assert ink.min() > 0.01
    assert ink.max() < 0.6
    assert (images.max(axis=(1, 2)) > 200).all()
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]])
    assert (border > 0).mean() < 0.01


def test_no_instance_repeats_another(store: ImageStore) -> None:
    seen = {image.tobytes() for image in np.asarray(store.images)}
    assert len(seen) == len(store.images)


# --- the same bytes, always -------------------------------------------------------------------


def test_a_class_does_not_depend_on_what_was_drawn_before(chosen: Chosen) -> None:
    few = chosen[::97]
    forwards = {character: pixels(character, faces) for character, faces in few}
    backwards = {character: pixels(character, faces) for character, faces in reversed(few)}
    assert forwards == backwards


def test_the_first_instances_do_not_depend_on_how_many_are_drawn() -> None:
    few, many = (draw(Character(0x10D0, "georgian"), FACES[:8], n) for n in (3, 20))
    for a, b in zip(few, many, strict=False):
        assert a.key == b.key
        np.testing.assert_array_equal(a.read(), b.read())


def test_random_numbers_are_philox_words_and_spread_evenly() -> None:
    numbers = uniforms(0x41, 400)
    assert numbers.min() >= -1
    assert numbers.max() < 1
    assert abs(numbers.mean()) < 0.01
    assert abs(numbers.var() - 1 / 3) < 0.01
    np.testing.assert_array_equal(numbers[:7], uniforms(0x41, 7))
    assert not np.isin(numbers, uniforms(0x42, 400)).any()


def test_the_known_fonts_give_the_known_fingerprint(store: ImageStore) -> None:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = sha256(*((folder / f"{face}.ttf").read_bytes() for face in FACES))
    if fonts != "fb0578cb4c35da6c1826e6a0523eafa925f922b0ca6670678e6e26584b7d04c1":
        pytest.skip("matplotlib ships other fonts now: another data set")
    assert store.manifest.fingerprint == (
        "88be69c471a74aa3fac51a6276d37513927d80f2a994665161b7a2df7379c7b9"
    )


# --- comparisons that share no code with the choice of characters ---------------------------------


@functools.cache
def pillow_font(face: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(
        Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf",
        200,
        layout_engine=ImageFont.Layout.BASIC,
    )


def pillow_image(face: str, text: str) -> NDArray[np.uint8]:
    """Pillow's rendering, its bounding box fitted into 20 of 28 pixels like ours."""
    mask = pillow_font(face).getmask(text)
    image = Image.frombytes("L", mask.size, bytes(mask))
    image = image.crop(image.getbbox())
    side = round(max(image.size) * 28 / 20)
    square = Image.new("L", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return np.asarray(square.resize((28, 28), Image.Resampling.BOX))


def overlap(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Intersection over union of the ink of every two images."""
    ink = (images.reshape(len(images), -1) > 127).astype(np.float32)
    both, area = ink @ ink.T, ink.sum(axis=1)
    return both / (area[:, None] + area - both)


COMPARED = ("DejaVuSans", "DejaVuSerif", "DejaVuSans-Oblique", "DejaVuSans-Bold")


def test_no_class_looks_like_one_of_another_split(chosen: Chosen) -> None:
    common = [c for c, faces in chosen if all(has_character(f, c.code) for f in COMPARED)]
    total = np.zeros((len(common), len(common)))
    for face in COMPARED:
        images = np.array([pillow_image(face, chr(c.code)) for c in common])
        total += overlap(images) / len(COMPARED)
    splits = np.array([c.split for c in common])
    across = np.where(splits[:, None] != splits, total, 0)
    worst = np.unravel_index(across.argmax(), across.shape)
    assert across.max() < 0.75, [common[i].class_name for i in worst]
    within = np.where(splits[:, None] == splits, total, 0) - np.eye(len(common))
    assert within.max() < 0.9


def test_the_comparison_above_would_find_lookalikes() -> None:
    for face in COMPARED:
        images = np.array([pillow_image(face, letter) for letter in "oοоօ"])
        assert overlap(images).min() > 0.9


def test_no_face_draws_its_placeholder_box(chosen: Chosen) -> None:
    boxes = {face: bytes(pillow_font(face).getmask("\U0010fffd")) for face in FACES}
    for character, faces in chosen:
        for face in faces:
            drawn = bytes(pillow_font(face).getmask(chr(character.code)))
            assert drawn != boxes[face], (character.class_name, face)


@pytest.mark.parametrize("face", ["DejaVuSans", "DejaVuSerif-BoldItalic", "STIXGeneral", "cmr10"])
def test_our_rasteriser_agrees_with_freetype(face: str) -> None:
    for letter in "aBgQij":
        ours, theirs = clean_images(ord(letter))[face], pillow_image(face, letter)
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99


# --- parts ---------------------------------------------------------------------------------------


def square(low: float, high: float, reverse: bool = False) -> Outline:
    points = np.array([[low, low], [high, low], [high, high], [low, high]])
    return Outline(points[::-1] if reverse else points, np.array([1, 2, 3, 0]))


def joined(a: Outline, b: Outline) -> Outline:
    following = np.concatenate([a.following, b.following + len(a.points)])
    return Outline(np.concatenate([a.points, b.points]), following)


def in_pixels(outline: Outline) -> Drawing:
    x, y = outline.points.T
    return Drawing(x, y, outline.following, np.zeros(len(x), dtype=np.int64), 1)


def test_a_square_covers_exactly_its_area() -> None:
    image = rasterise(in_pixels(square(4.5, 10.0)))[0]
    assert image[5:10, 5:10].min() == 255
    assert image[4, 5] == image[5, 4] == 128
    assert image[4, 4] == 64
    assert image.sum(dtype=int) == 25 * 255 + 10 * 128 + 64


@pytest.mark.parametrize(("reverse", "middle"), [(True, 0), (False, 255)])
def test_winding_decides_what_is_a_hole(reverse: bool, middle: int) -> None:
    image = rasterise(in_pixels(joined(square(4, 20), square(8, 16, reverse))))[0]
    assert image[12, 12] == middle
    assert image[6, 12] == 255


def test_what_lies_outside_is_cut_off() -> None:
    assert (rasterise(in_pixels(square(-50, 80))) == 255).all()
    assert (rasterise(in_pixels(square(30, 80))) == 0).all()
    assert (rasterise(in_pixels(square(-80, -30))) == 0).all()


def test_placing_centres_the_box_and_keeps_proportions() -> None:
    wide = Outline(np.array([[3.0, 1], [7, 1], [7, 2], [3, 2]]), np.array([1, 2, 3, 0]))
    placed = place([square(0, 1), wide])
    second = placed.image == 1
    assert (placed.x[second].min(), placed.x[second].max()) == (4, 24)
    assert (placed.y[second].min(), placed.y[second].max()) == (11.5, 16.5)
    assert placed.following.tolist() == [1, 2, 3, 0, 5, 6, 7, 4]


def test_no_random_offset_leaves_the_shape_upright() -> None:
    placed = place([square(0, 1)])
    still = distort(placed, np.zeros((1, uniforms(0x41, 1).shape[1])))
    np.testing.assert_allclose(still.x + still.y, 28 + 0.95 * (placed.x + placed.y - 28))
    np.testing.assert_allclose(still.x.max() - still.x.min(), 19)


def test_outlines_are_closed_and_in_em() -> None:
    outline = read_outline("DejaVuSans", ord("B"))
    assert outline is not None
    assert sorted(outline.following) == list(range(len(outline.points)))
    assert outline.points.min() >= 0
    assert outline.points.max() < 1
    steps = np.abs(outline.points[outline.following] - outline.points).max()
    assert steps < 1 / 12


def test_blank_and_absent_characters_are_known() -> None:
    assert read_outline("DejaVuSans", ord(" ")) is None
    assert not has_character("DejaVuSerif", 0x0E81)
    assert not has_character("cmr10", ord("{"))  # TeX has a dash there
    assert clean_images(0x10FFFF) == {}


def test_candidates_leave_out_marks_and_compatibility_forms() -> None:
    codes = {character.code for character in candidates()}
    assert ord("ß") in codes
    assert codes.isdisjoint(map(ord, " \u0301ﬁ²ªˆ─⠿\u200b"))


def test_accented_letters_are_few_per_base() -> None:
    letters = [Character(ord(letter), "accented") for letter in "ÀÁÂÃÄÈ"]
    kept = limit_accents([Character(ord("A"), "latin"), *letters])
    assert "".join(chr(c.code) for c in kept) == "AÀÁÂÈ"


@pytest.mark.parametrize(("text", "kept"), [("oοоx", [0, 3]), ("xХoO", [0, 2])])
def test_lookalikes_keep_the_first(text: str, kept: list[int]) -> None:
    images = [clean_images(ord(letter)) for letter in text]
    assert drop_lookalikes(images, ["train"] * len(text)) == kept


# --- difficulty ---------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["val", "test"])
def test_raw_pixels_are_better_than_chance_and_leave_room(
    store: ImageStore, split: SplitName
) -> None:
    images = by_class(store, split).astype(np.float32)
    random = np.random.default_rng(0)

    def episode() -> float:
        classes = random.choice(len(images), 5, replace=False)
        order = random.permuted(np.tile(np.arange(20), (5, 1)), axis=1)
        flat = images[classes[:, None], order].reshape(5, 20, -1)
        distance = ((flat[:, 1:, None] - flat[:, 0]) ** 2).sum(axis=-1)
        return float((distance.argmin(axis=-1) == np.arange(5)[:, None]).mean())

    accuracy = mean_of(episode, 200)
    assert 0.35 < accuracy < 0.7


def mean_of(draw_one: Callable[[], float], count: int) -> float:
    return float(np.mean([draw_one() for _ in range(count)]))
