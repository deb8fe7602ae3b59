"""The suite from Python: ``import fewshot_bench as fsb``.

Everything here is reached as ``fsb.<name>`` and loaded when it is first used, so that importing the
package stays cheap. The page ``docs/api.md`` walks through it, and a test runs that page.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from fewshot_bench.data.split import random_split
from fewshot_bench.evaluation.compare import Comparison, compare_entrants
from fewshot_bench.evaluation.entrants import Entrant, load_entrants
from fewshot_bench.evaluation.result import Result, read_result
from fewshot_bench.grids.embeddings import Embeddings
from fewshot_bench.grids.request import Request, grid_methods
from fewshot_bench.grids.run import measure_grid
from fewshot_bench.grids.table import Grid
from fewshot_bench.interface.arrays import from_arrays
from fewshot_bench.interface.data import Data, Episodes, ImageDataset, Part, load
from fewshot_bench.interface.features import embed
from fewshot_bench.interface.learner import AdaptedModel, ModuleLearner
from fewshot_bench.interface.observer import Quiet
from fewshot_bench.interface.predictor import Classifier
from fewshot_bench.interface.train import Trained, train
from fewshot_bench.registry import BENCHMARKS, as_table
from fewshot_bench.training.fit import Observer

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AdaptedModel",
    "Classifier",
    "Data",
    "Episodes",
    "Grid",
    "ImageDataset",
    "ModuleLearner",
    "Part",
    "Result",
    "Trained",
    "benchmarks",
    "compare",
    "embed",
    "evaluate",
    "from_arrays",
    "gradient_learner",
    "grid",
    "load",
    "load_result",
    "random_split",
    "train",
]


def evaluate(model: Any, part: Part, **options: Any) -> Result:
    """Measure a model of any kind on few-shot episodes.

    Args:
        model: a registered method by name (see
            :func:`fewshot_bench.interface.registered.evaluate_registered` for ``options``), or an
            ``nn.Module``, a function of an episode, a learner, a method object, or None for data
            that are features (see :func:`fewshot_bench.interface.measure.evaluate`).
        part: the split, for instance ``fsb.load("cifar-fs").test``.
        options: of the function that the kind of model goes to.

    Raises:
        ConfigError: what can't be, or a model that is not what it says.
    """
    if isinstance(model, str):
        from fewshot_bench.interface.registered import evaluate_registered

        return evaluate_registered(model, part, **options)
    from fewshot_bench.interface.measure import evaluate as measured

    return measured(model, part, **options)


def gradient_learner(module: nn.Module, **options: Any) -> ModuleLearner:
    """MAML, or a member of its family, around any module; see :class:`ModuleLearner`."""
    return ModuleLearner(module, **options)


def grid(
    embeddings: Embeddings,
    folder: Path | str,
    *,
    classifiers: str | Sequence[str] = "all",
    n_shot: Sequence[int] = (1,),
    level: float = 0.95,
    observer: Observer | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Grid:
    """Measure every classifier on every trained embedding, as ``fsbench grid`` does.

    Args:
        embeddings: by name, or without: TOML files of settings, model files, folders of model
            files, ``features:FILE``.
        folder: of the results; what it holds already is not measured again.
        classifiers: ``all``, or names of methods on pre-trained features.
        n_shot: support images per class, one table each.
        level: confidence level of the intervals.
        observer: told of the progress; None shows nothing.
        overwrite: whether other results in its way are replaced.
        options: of :class:`fewshot_bench.grids.request.Request`: ``seeds``, ``sampler``,
            ``episodes``, ``n_way``, ``n_query``, ``benchmark``, ``device``.

    Raises:
        ConfigError: there is no such method, or no embedding. What fails in a single cell stands
            in the failures of the grid.
    """
    request = Request(grid_methods(classifiers), tuple(n_shot), **options)
    told = observer or Quiet()
    return measure_grid(embeddings, request, Path(folder), told, level=level, overwrite=overwrite)


def load_result(folder: Path | str) -> Result:
    """Read a stored result; raises ResultError where it is damaged or altered."""
    return read_result(Path(folder))


def compare(
    *results: Result | Path | str | Sequence[Result],
    level: float = 0.95,
    allow_unpaired: bool = False,
) -> Comparison:
    """Compare results on the same episodes, all pairs, adjusted for their number.

    Args:
        results: results, folders of results, or a list with a result for each training seed.
        level: confidence level.
        allow_unpaired: compare results of different episodes, by a weaker test.

    Raises:
        UnpairedError: different data, protocol or episodes; says what differs.
        StatisticsError: fewer than two, or one seed against several.
    """
    entrants: list[Entrant] = []
    for result in results:
        if isinstance(result, str | Path):
            entrants += load_entrants(Path(result))
            continue
        several = (result,) if isinstance(result, Result) else tuple(result)
        entrants.append(Entrant(several[0].document.method.id, several))
    return compare_entrants(entrants, level, allow_unpaired=allow_unpaired)


def benchmarks() -> "pd.DataFrame":
    """Registered benchmarks, one row each; ``fsb.methods()`` lists methods."""
    return as_table(BENCHMARKS, ("name", "summary", "paper"))
