"""The smallest store that there is, written image by image."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from fewshot_bench.data.benchmark import Benchmark, ClassSource, ImageItem
from fewshot_bench.data.writer import StoreWriter

BENCHMARK = Benchmark(
    name="tiny", image_size=4, channels=3, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2)
)


def _item(number: int) -> ImageItem:
    pixels = np.full((4, 4, 3), 40 * number, dtype=np.uint8)
    return ImageItem(str(number), lambda: pixels)


def sources(writer: StoreWriter) -> None:
    """Write three images of each of two classes."""
    with ThreadPoolExecutor(1) as pool:
        for split, name in (("train", "ant"), ("test", "dog")):
            items = [_item(number) for number in range(1, 4)]
            for _ in writer.add_class(ClassSource(name, split, lambda items=items: items), pool, 2):
                pass
