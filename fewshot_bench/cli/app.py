"""The commands of ``fsbench``, put together."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import typer

from fewshot_bench import __version__
from fewshot_bench.cli.ending import TRACEBACK
from fewshot_bench.cli.lazy import Lazy, LazyGroup
from fewshot_bench.errors import FsbenchError


class _Commands(LazyGroup):
    table: ClassVar[Mapping[str, Lazy]] = {
        "evaluate": Lazy(
            "fewshot_bench.cli.evaluate:evaluate",
            "Measure a method on test episodes of unseen classes.",
        ),
        "train": Lazy(
            "fewshot_bench.cli.train:train",
            "Meta-train a method and keep the best parameters by validation accuracy.",
        ),
        "embed": Lazy(
            "fewshot_bench.cli.embed:embed",
            "Compute the features of all images once, for --benchmark features:FILE.",
        ),
        "sweep": Lazy(
            "fewshot_bench.cli.sweep:sweep",
            "Measure every combination of methods, data, shots, seeds and settings of a file.",
        ),
        "tune": Lazy(
            "fewshot_bench.cli.tune:tune",
            "Choose settings on validation classes, with the same budget for every method.",
        ),
        "compare": Lazy(
            "fewshot_bench.cli.compare:compare",
            "Compare results pair by pair: differences, p values after Holm, and rank sets.",
        ),
        "grid": Lazy(
            "fewshot_bench.cli.grid:grid",
            "Measure every classifier on every trained embedding, from features computed once.",
        ),
        "plot": Lazy(
            "fewshot_bench.cli.plot:plot",
            "Draw results: a picture one column wide that can be read in grey.",
        ),
        "predict": Lazy(
            "fewshot_bench.cli.predict:predict",
            "Classify images by a support set of your own, with any trained model.",
        ),
        "reproduce": Lazy(
            "fewshot_bench.cli.reproduce:reproduce",
            "Train and test a published row as its source says, and compare the accuracies.",
        ),
        "list": Lazy(
            "fewshot_bench.cli.listing:app",
            "List methods, benchmarks and the parts that methods are made of.",
        ),
        "data": Lazy("fewshot_bench.cli.data:app", "Prepare, inspect and verify benchmarks."),
        "methods": Lazy("fewshot_bench.cli.methods:app", "Check methods."),
        "loss": Lazy("fewshot_bench.cli.loss:app", "Learn, find, compare and show losses."),
        "results": Lazy(
            "fewshot_bench.cli.results:app",
            "List, show, verify or submit stored results, and their intervals.",
        ),
        "leaderboard": Lazy(
            "fewshot_bench.cli.leaderboard:app", "Build the leaderboard from files, or check it."
        ),
    }

    def invoke(self, ctx: Any) -> Any:
        """Run a command; a plug-in that ends the program must not look like success."""
        try:
            return super().invoke(ctx)
        except SystemExit as error:  # click's own commands end in other ways
            raise FsbenchError(
                f"a plug-in or library ended the program (sys.exit({error.code!r})) before the"
                " command was done"
            ) from error


app = typer.Typer(
    cls=_Commands,
    name="fsbench",
    help="Few-shot-learning benchmarks: train, evaluate, compare.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fewshot_bench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
    traceback: Annotated[
        bool,
        typer.Option(TRACEBACK, help="Show where an error came from; FSBENCH_TRACEBACK=1 too."),
    ] = False,
) -> None:
    del version, traceback  # main looks for it, wherever it stands
