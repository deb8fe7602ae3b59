"""Contact sheets: a few classes of each split, a few images of each class, on one page."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fewshot_bench.data.benchmark import SPLITS, SplitName
from fewshot_bench.data.store import ImageStore
from fewshot_bench.errors import ConfigError
from fewshot_bench.files import disk_errors

_TILE, _GAP, _MARGIN = 64, 6, 28
_LABEL = 190
_TITLE, _HEADER, _BETWEEN = 72, 34, 18
_PAPER, _INK, _SOFT = (255, 255, 255), (28, 30, 34), (118, 122, 130)
_MARK: dict[SplitName, tuple[int, int, int]] = {
    "train": (46, 110, 180),
    "val": (214, 137, 16),
    "test": (30, 140, 90),
}


def contact_sheet(store: ImageStore, n_classes: int = 6, n_images: int = 10) -> Image.Image:
    """Draw a page with evenly spaced classes and images of every split, the same each time.

    Args:
        store: the store to show.
        n_classes: classes of each split at most.
        n_images: images of each class at most.

    Returns:
        RGB image, about 900 pixels wide with the defaults.
    """
    splits = [split for split in SPLITS if store.manifest.classes.get(split)]
    rows = {split: min(n_classes, len(store.manifest.classes[split])) for split in splits}
    width = 2 * _MARGIN + _LABEL + n_images * (_TILE + _GAP) - _GAP
    block = {s: _HEADER + rows[s] * (_TILE + _GAP) + _BETWEEN for s in splits}
    page = Image.new("RGB", (width, 2 * _MARGIN + _TITLE + sum(block.values()) - _BETWEEN), _PAPER)
    _draw_title(page, store)
    top = _MARGIN + _TITLE
    for split in splits:
        _draw_split(page, top, store, split, (rows[split], n_images))
        top += block[split]
    return page


def _draw_title(page: Image.Image, store: ImageStore) -> None:
    m = store.manifest
    draw = ImageDraw.Draw(page)
    draw.text((_MARGIN, _MARGIN), m.benchmark, _INK, _font(24, bold=True), anchor="lt")
    text = f"{m.image_size} x {m.image_size} pixels   fingerprint {m.fingerprint[:16]}"
    draw.text((_MARGIN, _MARGIN + 32), text, _SOFT, _font(13), anchor="lt")


def _draw_split(
    page: Image.Image, top: int, store: ImageStore, split: SplitName, shape: tuple[int, int]
) -> None:
    sizes = store.manifest.classes[split]
    draw = ImageDraw.Draw(page)
    draw.rectangle((_MARGIN, top, _MARGIN + 4, top + 18), _MARK[split])
    draw.text((_MARGIN + 12, top + 1), split, _INK, _font(17, bold=True), anchor="lt")
    text = f"{len(sizes):,} classes, {sum(sizes.values()):,} images"
    left = _MARGIN + 12 + draw.textlength(split, _font(17, bold=True)) + 12
    draw.text((left, top + 4), text, _SOFT, _font(13), anchor="lt")
    for row, place in enumerate(_spread(len(sizes), shape[0])):
        _draw_class(page, top + _HEADER + row * (_TILE + _GAP), store, (split, place), shape[1])


def _draw_class(
    page: Image.Image, top: int, store: ImageStore, which: tuple[SplitName, int], n_images: int
) -> None:
    split, place = which
    name, size = list(store.manifest.classes[split].items())[place]
    draw = ImageDraw.Draw(page)
    middle = top + _TILE // 2
    for line, (text, colour, points) in enumerate(_label(name, size)):
        y = middle - 9 + 18 * line
        draw.text((_MARGIN, y), _fit(draw, text, points), colour, _font(points), anchor="lm")
    first = _first_image(store, split, place)
    for column, image in enumerate(_spread(size, n_images)):
        left = _MARGIN + _LABEL + column * (_TILE + _GAP)
        store.check(np.array([first + image]))
        page.paste(_tile(store.images[first + image]), (left, top))
        draw.rectangle((left - 1, top - 1, left + _TILE, top + _TILE), outline=(222, 224, 228))


def _label(name: str, size: int) -> list[tuple[str, tuple[int, int, int], int]]:
    return [(name, _INK, 13), (f"{size:,} images", _SOFT, 11)]


def _fit(draw: ImageDraw.ImageDraw, text: str, points: int) -> str:
    """Cut the middle out of a text that is too long for the column of labels."""
    shown, keep = text, len(text)
    while draw.textlength(shown, _font(points)) > _LABEL - 12 and keep > 2:
        keep -= 1
        shown = text[: keep // 2] + "…" + text[len(text) - keep // 2 :]
    return shown


def _first_image(store: ImageStore, split: SplitName, place: int) -> int:
    classes = store.manifest.classes
    before = SPLITS[: SPLITS.index(split)]
    earlier = sum(sum(classes.get(s, {}).values()) for s in before)
    return earlier + sum(list(classes[split].values())[:place])


def _spread(total: int, wanted: int) -> list[int]:
    """At most ``wanted`` places, evenly spaced over ``total``."""
    count = min(total, wanted)
    return [(2 * i + 1) * total // (2 * count) for i in range(count)]


def _tile(pixels: NDArray[np.uint8]) -> Image.Image:
    """One image of shape (C, H, W), enlarged or reduced to the size of a tile."""
    array = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    image = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array).convert("RGB")
    return image.resize((_TILE, _TILE), Image.Resampling.BICUBIC)


def _font(points: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    import matplotlib  # its fonts are at hand on every machine and know many scripts

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), points)


def save_sheet(store: ImageStore, path: Path) -> None:
    """Write a contact sheet to an image file, PNG or what the suffix says.

    Raises:
        FsbenchError: the file can't be written.
        ConfigError: the suffix is not that of an image format.
    """
    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise ConfigError(f"{path} is no image file name; end it in .png")
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        contact_sheet(store).save(path)
