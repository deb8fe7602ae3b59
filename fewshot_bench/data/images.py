"""From an encoded image to a square uint8 array: the one place where pixels are decided.

Orientation tags of photographs are not followed, as in the published preparations of data sets.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fewshot_bench.data.benchmark import Encoded

RESAMPLING = Image.Resampling.BILINEAR  # Pillow's averages over the whole footprint


def decode(data: Encoded, *, size: int, channels: int, invert: bool) -> NDArray[np.uint8]:
    """Decode, convert and resize one image.

    Args:
        data: encoded file or uint8 array of shape (H, W) or (H, W, 3).
        size: side of the square result in pixels; the aspect ratio is not kept, as in
            Ravi & Larochelle's and Ren et al.'s preparation.
        channels: 1 for grey, 3 for RGB.
        invert: return 255 - value.

    Returns:
        uint8 array of shape (size, size, channels).

    Raises:
        ValueError: the data is not an image, a damaged or truncated one, or one of unknown range.
    """
    image = _eight_bits(_open(data)).convert("L" if channels == 1 else "RGB")
    if image.size != (size, size):
        image = image.resize((size, size), RESAMPLING)
    pixels = np.asarray(image, dtype=np.uint8).reshape(size, size, channels)
    return 255 - pixels if invert else pixels


def _open(data: Encoded) -> Image.Image:
    try:
        if isinstance(data, np.ndarray):
            return Image.fromarray(data)
        image = Image.open(io.BytesIO(data))
        image.load()
    except Exception as error:  # damaged files make Pillow's decoders raise almost anything
        raise ValueError(_reason(data, error)) from error
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """16 bits become 8; Pillow itself would cut everything above 255."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError("an image of 32 bits, whose range is unknown; convert it to 8 bits")
    return image


def _reason(data: Encoded, error: Exception) -> str:
    if not len(data):
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    return " ".join(str(error).split()) or type(error).__name__


def preprocessing(*, size: int, channels: int, invert: bool) -> dict[str, Any]:
    """What :func:`decode` did, as a record for manifests and results."""
    import PIL

    return {
        "resize": f"{size}x{size}, aspect ratio not kept",
        "interpolation": "PIL bilinear (antialiased)",
        "channels": channels,
        "invert": invert,
        "decoder": f"pillow {PIL.__version__}",
    }
