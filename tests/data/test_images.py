"""From encoded images to eight bits."""

import io

import numpy as np
import pytest
from PIL import Image

from fewshot_bench.data.images import Decoding, decode

RAMP = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)


def encoded(pixels, suffix):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, suffix)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_become_eight(suffix):
    found = decode(encoded(RAMP, suffix), Decoding(16, 1)).pixels
    assert found.ravel().tolist() == list(range(256))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_images_of_unknown_range_are_refused(dtype):
    with pytest.raises(ValueError, match="convert it to 8 bits"):
        decode(encoded(RAMP.astype(dtype), "tiff"), Decoding(16, 3))
