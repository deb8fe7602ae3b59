"""``fsbench predict``: a class and its probability for images of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli.output import Json, echo_json
from fewshot_bench.errors import ConfigError
from fewshot_bench.interface.predictor import Classifier, query_files

Support = Annotated[Path, typer.Argument(help="Folder class/image of labelled images.")]
Queries = Annotated[list[Path], typer.Argument(help="Images, or folders of images.")]
CheckpointFile = Annotated[Path, typer.Option("--checkpoint", help="Trained model.")]
Form = Annotated[str, typer.Option("--format", help="table, csv or json.")]
FORMS = ("table", "csv", "json")


def predict(
    support: Support,
    queries: Queries,
    checkpoint: CheckpointFile,
    form: Form = "table",
    as_json: Json = False,
) -> None:
    """Classify images by a support set of your own, with any trained model."""
    if form not in FORMS:
        raise ConfigError(f"--format is one of {', '.join(FORMS)}, not {form!r}")

    table = Classifier.from_support(support, checkpoint).predict(query_files(queries))
    if as_json or form == "json":
        echo_json(table.to_dict("records"))
    elif form == "csv":
        typer.echo(table.to_csv(index=False).rstrip())
    else:
        table["probability"] = table[table.columns[2:]].max(axis=1)
        typer.echo(
            table[["image", "class", "probability"]].to_markdown(index=False, floatfmt=".3f")
        )
