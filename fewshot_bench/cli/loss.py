"""``fsbench loss``: losses for ordinary supervised training."""

import typer

from fewshot_bench.cli import loss_compare, loss_search, loss_show, loss_train

app = typer.Typer(help="Learn, find, compare and show losses.", no_args_is_help=True)
app.command()(loss_train.train)
app.command()(loss_search.search)
app.command()(loss_compare.compare)
app.command()(loss_show.show)
