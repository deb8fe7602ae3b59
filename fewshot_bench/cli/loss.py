"""``fsbench loss``: losses for ordinary supervised training."""

from collections.abc import Mapping
from typing import ClassVar

import typer

from fewshot_bench.cli.lazy import Lazy, LazyGroup


class _Commands(LazyGroup):
    table: ClassVar[Mapping[str, Lazy]] = {
        "train": Lazy(
            "fewshot_bench.cli.loss_train:train",
            "Learn a loss network offline and write it to a file, which can be named wherever a"
            " loss can.",
        ),
        "search": Lazy(
            "fewshot_bench.cli.loss_search:search",
            "Find a loss on a data set's training and validation parts, and write it to a file.",
        ),
        "compare": Lazy(
            "fewshot_bench.cli.loss_compare:compare",
            "Train the same network with each loss and compare the test errors at the end.",
        ),
        "show": Lazy(
            "fewshot_bench.cli.loss_show:show",
            "Print a loss's formula and where it comes from; draw it beside the usual loss.",
        ),
        "analyse": Lazy(
            "fewshot_bench.cli.loss_analyse:analyse",
            "Tell how hard losses push the target's logit, by the target's probability.",
        ),
    }


app = typer.Typer(cls=_Commands, help="Learn, find, compare and show losses.", no_args_is_help=True)
