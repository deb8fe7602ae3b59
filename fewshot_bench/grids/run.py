"""From embeddings and methods to a measured grid."""

from pathlib import Path

from fewshot_bench.errors import ConfigError
from fewshot_bench.grids.embeddings import Embeddings, named
from fewshot_bench.grids.fill import fill
from fewshot_bench.grids.request import Request
from fewshot_bench.grids.table import Grid, read_grid
from fewshot_bench.training.fit import Observer


def measure_grid(
    embeddings: Embeddings,
    request: Request,
    root: Path,
    observer: Observer,
    *,
    level: float = 0.95,
    overwrite: bool = False,
) -> Grid:
    """Measure what the folder of a grid does not hold yet, then read the whole of it.

    Args:
        embeddings: see :func:`fewshot_bench.grids.embeddings.named`.
        request: methods and episodes.
        root: folder of the grid.
        observer: told of trainings, and of cells as steps.
        level: confidence level of the intervals.
        overwrite: whether other results in its way are replaced.

    Raises:
        ConfigError: there is no embedding, or two have one name.
    """
    paths = named(embeddings)
    if not paths:
        raise ConfigError("a grid needs an embedding: a TOML file, a model file or features:FILE")
    filled = fill(paths, request, root, observer, overwrite=overwrite)
    return read_grid(filled.cells, filled.failures, root, request.sampler, level)
