"""From an encoded image to a square uint8 array: the one place where pixels are decided."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from fewshot_bench.data.benchmark import Encoded
from fewshot_bench.data.budget import Budget

RESAMPLING = Image.Resampling.BILINEAR  # Pillow's averages over the whole footprint
Fit = Literal["squeeze", "crop"]
DEPTHS = (8, 10, 12, 14, 16)  # bits that microscopes, scanners and X-ray detectors really have
MOST_PIXELS = 1 << 27  # decoded at once by all threads together; a larger image is decoded alone
_PIXELS = Budget(MOST_PIXELS)
_ORIENTATION = 0x0112  # the tag's number in EXIF
_WITH_FRAMES = ("GIF", "TIFF", "WEBP", "AVIF")  # not MPO, a photograph with its own preview
_FAINT_VALUE, _FAINT_RANGE = 64, 16
_FITTED = {"squeeze": "aspect ratio not kept", "crop": "of the largest square in the middle"}

TURNED = "images turned upright, as their orientation tag says"
NOT_TURNED = "images with an orientation tag, which this benchmark's published form does not follow"
TRANSPARENT = "images with transparency, laid on a white ground"
FRAMES = "files of several frames or pages, of which the first was taken"
FAINT = "images nearly black or of one colour"


@dataclass(frozen=True)
class Decoding:
    """How images become arrays.

    Attributes:
        size: side of the square result in pixels.
        channels: 1 for grey, 3 for RGB.
        invert: store 255 - value.
        fit: ``squeeze`` resizes to the square and does not keep the aspect ratio, as Ravi &
            Larochelle's and Ren et al.'s preparations do; ``crop`` resizes the largest square in
            the middle.
        upright: follow the orientation tag of photographs; the published preparations of data
            sets do not.
        bits: how many bits images with 16 bits a value really use, one of :data:`DEPTHS`.
    """

    size: int
    channels: int
    invert: bool = False
    fit: Fit = "squeeze"
    upright: bool = False
    bits: int = 16

    def record(self) -> dict[str, Any]:
        """What :func:`decode` does, for manifests and results."""
        import PIL

        return {
            "resize": f"{self.size}x{self.size}, {_FITTED[self.fit]}",
            "interpolation": "PIL bilinear (antialiased)",
            "channels": self.channels,
            "invert": self.invert,
            "ground": "white",
            "orientation": "followed" if self.upright else "not followed",
            "decoder": f"pillow {PIL.__version__}",
            **({"bits": self.bits} if self.bits != 16 else {}),
        }


@dataclass(frozen=True)
class Decoded:
    """One image as it is stored.

    Attributes:
        pixels: uint8 of shape (size, size, channels).
        remarks: what a user should hear of it, texts of this module.
        deepest: brightest value of an image with 16 bits a value; 0 for all others.
    """

    pixels: NDArray[np.uint8]
    remarks: tuple[str, ...] = ()
    deepest: int = 0


def decode(data: Encoded, how: Decoding) -> Decoded:
    """Decode, convert and resize one image.

    Args:
        data: encoded file or uint8 array of shape (H, W) or (H, W, 3).
        how: size, colours and the like.

    Raises:
        ValueError: the data is not an image, a damaged or truncated one, or one of unknown range.
    """
    image = _opened(data)
    with _PIXELS.holding(image.width * image.height):
        return _decoded(data, image, how)


def _decoded(data: Encoded, image: Image.Image, how: Decoding) -> Decoded:
    with _whole(data):
        image.load()
    remarks = [FRAMES] if _frames(data, image.format) > 1 else []
    if _orientation(image) > 1:
        remarks.append(TURNED if how.upright else NOT_TURNED)
        image = ImageOps.exif_transpose(image) if how.upright else image
    image, deepest = _eight_bits(image, how.bits)
    if image.has_transparency_data:
        image, seen_through = _on_white(image)
        remarks += [TRANSPARENT] if seen_through else []
    pixels = _square(image.convert("L" if how.channels == 1 else "RGB"), how)
    if _is_faint(pixels):
        remarks.append(FAINT)
    return Decoded(255 - pixels if how.invert else pixels, tuple(remarks), deepest)


def depth(deepest: int) -> int:
    """The fewest of :data:`DEPTHS` bits that hold a value in [0, 65535].

    >>> depth(4095), depth(4096)
    (12, 14)
    """
    return next(bits for bits in DEPTHS if deepest < 1 << bits)


def _square(image: Image.Image, how: Decoding) -> NDArray[np.uint8]:
    side = (how.size, how.size)
    if image.size != side:
        crop = how.fit == "crop"
        image = ImageOps.fit(image, side, RESAMPLING) if crop else image.resize(side, RESAMPLING)
    return np.asarray(image, dtype=np.uint8).reshape(how.size, how.size, how.channels)


def _opened(data: Encoded) -> Image.Image:
    """The image, of whose encoded pixels none is decoded yet."""
    with _whole(data):
        return (
            Image.fromarray(data) if isinstance(data, np.ndarray) else Image.open(io.BytesIO(data))
        )


@contextlib.contextmanager
def _whole(data: Encoded) -> Iterator[None]:
    """Put into words what damaged files make of Pillow's decoders, which is almost anything."""
    try:
        yield
    except Exception as error:
        raise ValueError(_reason(data, error)) from error


def _orientation(image: Image.Image) -> int:
    """The tag's value, 2 to 8 for images that are turned or mirrored, else 1."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged block of tags does not make the pixels worse
        return 1
    return value if value in range(1, 9) else 1


def _frames(data: Encoded, kind: str | None) -> int:
    """Frames of an animation or pages of a file, as far as they can be counted."""
    if isinstance(data, np.ndarray) or kind not in _WITH_FRAMES:
        return 1
    try:
        with Image.open(io.BytesIO(data)) as image:  # once more, because counting moves on in it
            return int(getattr(image, "n_frames", 1))
    except Exception:  # a later frame is damaged; the first one is whole
        return 2


def _eight_bits(image: Image.Image, bits: int) -> tuple[Image.Image, int]:
    """16 bits become 8, and the brightest of the 16; Pillow itself would cut all above 255."""
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16)
        deepest = int(values.max(initial=0))
        grey = Image.fromarray((values >> (max(bits, depth(deepest)) - 8)).astype(np.uint8))
        see_through = image.info.get("transparency")
        if isinstance(see_through, int):  # the value that is no ink
            grey.putalpha(Image.fromarray(np.where(values == see_through, 0, 255).astype(np.uint8)))
        return grey, deepest
    if image.mode in ("I", "F"):
        raise ValueError("an image of 32 bits, whose range is unknown; convert it to 8 bits")
    return image, 0


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """What a viewer shows, and whether anything of the ground can be seen."""
    layers = image.convert("RGBA")
    if layers.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB"), False
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), layers), True


def _is_faint(pixels: NDArray[np.uint8]) -> bool:
    low, high = int(pixels.min()), int(pixels.max())
    return high < _FAINT_VALUE or high - low < _FAINT_RANGE


def _reason(data: Encoded, error: Exception) -> str:
    if not len(data):
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    return " ".join(str(error).split()) or type(error).__name__
