"""Any data by the name that users type: benchmarks, folders, features; and those of a test."""

from fewshot_bench.data.adapted import AdaptedStore
from fewshot_bench.data.features.store import SCHEME, FeatureStore, open_features
from fewshot_bench.data.library import open_benchmark, parse, prepared_sizes
from fewshot_bench.data.prepare import Progress
from fewshot_bench.data.store import ImageStore
from fewshot_bench.errors import ConfigError
from fewshot_bench.files import expanded

Store = ImageStore | AdaptedStore | FeatureStore


def is_features(spec: str) -> bool:
    """Whether a name is that of a feature file."""
    return spec.startswith(SCHEME)


def open_data(
    spec: str, image_size: int | None = None, progress: Progress = lambda *_: None
) -> ImageStore | FeatureStore:
    """Open a benchmark, a folder or a feature file.

    Args:
        spec: a registered name, ``folder:PATH`` or ``features:FILE``.
        image_size: side in pixels; None takes the benchmark's own.
        progress: see :data:`fewshot_bench.data.prepare.Progress`.

    Raises:
        ConfigError: the name is unknown, or a size is asked of features.
        DataError: it is not prepared, missing or damaged.
    """
    if not is_features(spec):
        return open_benchmark(spec, image_size, progress)
    if image_size is not None:
        raise ConfigError(f"{spec} has no images; leave --image-size out")
    return open_features(expanded(spec.removeprefix(SCHEME)))


def open_tested(
    spec: str, size: int, progress: Progress = lambda *_: None
) -> ImageStore | FeatureStore:
    """Data to test a model on that was trained on images of another benchmark.

    Args:
        spec: as above.
        size: side of the images that the model takes. Where the data can't be made in this size
            they are opened in the next larger one that is prepared, else in the largest.
        progress: as above.

    Raises:
        ConfigError: the name is unknown.
        DataError: it is not prepared, missing or damaged.
    """
    if is_features(spec):
        raise ConfigError("--train-on goes with images; features can't be given to another model")
    benchmark, path = parse(spec)
    there = prepared_sizes(spec)
    if path is not None or benchmark.generate is not None or not there or size in there:
        return open_benchmark(spec, size, progress)
    larger = [known for known in there if known > size]
    return open_benchmark(spec, min(larger) if larger else max(there), progress)
