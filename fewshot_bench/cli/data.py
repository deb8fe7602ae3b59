"""``fsbench data``: prepare, inspect and verify image stores."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from fewshot_bench.cli.output import Json, Quiet, echo_json
from fewshot_bench.cli.progress import MinuteLines, TimeLeft, console
from fewshot_bench.data.download import pending
from fewshot_bench.data.duplicates import copies
from fewshot_bench.data.features.table import SCHEME
from fewshot_bench.data.library import make, open_benchmark, parse
from fewshot_bench.data.notices import counted
from fewshot_bench.data.prepare import Options
from fewshot_bench.data.readers.classes import SPLIT_FILE, class_names
from fewshot_bench.data.sheet import save_sheet
from fewshot_bench.data.split import SPLITS, random_split
from fewshot_bench.data.summary import lines, summary
from fewshot_bench.data.verify import add_hashes, against_source, verify
from fewshot_bench.files import cache_folder, write_atomic

app = typer.Typer(name="data", help="Prepare, inspect and verify benchmarks.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the benchmark, or folder:PATH.")]
Size = Annotated[int | None, typer.Option("--image-size", min=4, max=1024, help="Side in pixels.")]


@app.command("prepare")
def prepare_command(
    name: Name,
    source: Annotated[
        Path | None,
        typer.Option(help="Folder or archive to read; known layouts are recognised."),
    ] = None,
    image_size: Size = None,
    allow_missing_classes: Annotated[
        bool,
        typer.Option("--allow-missing-classes", help="Go on with the classes that are there."),
    ] = False,
    skip_corrupt: Annotated[
        bool,
        typer.Option("--skip-corrupt", help="Leave damaged images out, and record them."),
    ] = False,
    crop: Annotated[
        bool,
        typer.Option(
            "--crop/--squeeze", help="Take the largest square in the middle, or squeeze the image."
        ),
    ] = False,
    min_images: Annotated[
        int, typer.Option(min=1, help="Leave classes with fewer images out, and name them.")
    ] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, help="Decoding threads.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read a data set once and keep it as one array, from which episodes are drawn."""
    options = Options(
        image_size=image_size,
        allow_missing_classes=allow_missing_classes,
        skip_corrupt=skip_corrupt,
        fit="crop" if crop else "squeeze",
        min_images=min_images,
    )
    options = options if jobs is None else dataclasses.replace(options, jobs=jobs)
    spec = f"folder:{source}" if name == "folder" and source else name
    out = console(quiet)
    if source is None and (size := pending(parse(spec)[0])):
        out.print(f"Downloading {size / 1e6:.0f} MB ...")
    with progress_bar(f"Preparing {name}", out) as progress:
        store = make(spec, source, options, progress)
    _echo_summary(summary(store), as_json)


def _echo_summary(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return echo_json(facts)
    return typer.echo("\n".join(lines(facts)))


@app.command("info")
def info_command(
    name: Name,
    image_size: Size = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet to this image file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show classes, images, sizes and the fingerprint of a prepared benchmark."""
    with progress_bar(f"Preparing {name}") as progress:
        store = open_benchmark(name, image_size, progress)
    _echo_summary(summary(store), as_json)
    if sheet is not None:
        save_sheet(store, sheet)
        typer.echo(f"contact sheet: {sheet}", err=as_json)


@app.command("verify")
def verify_command(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Name of the benchmark, folder:PATH or features:FILE; without one, all that the"
            " cache holds: data, activations, weights and states."
        ),
    ] = None,
    image_size: Size = None,
    as_json: Json = False,
) -> None:
    """Hash all that is stored again; exit code 1 and a line for each difference."""
    if name is None:
        return _verify_cache(as_json)
    if name.startswith(SCHEME):
        return _verify_features(name, as_json)
    store = open_benchmark(name, image_size)
    benchmark, source = parse(name)
    differences = verify(store)
    if not differences and source is not None:
        differences = against_source(store, benchmark, source)
    if not differences and add_hashes(store):
        typer.echo(f"{name}: hashes of its blocks were added", err=True)
    notices = [] if differences else copies(store)
    if as_json:
        facts = {"benchmark": name, "images": len(store.images), "differences": differences}
        echo_json({**facts, "notices": notices, "fingerprint": store.manifest.fingerprint})
    elif differences:
        typer.echo("\n".join(differences))
        typer.echo(f"{name} differs from its manifest; prepare it again")
    else:
        typer.echo(f"{name}: {counted(len(store.images), 'images')} as prepared")
        for notice in notices:
            typer.echo(notice.line())
        typer.echo(f"fingerprint: {store.manifest.fingerprint}")
    if differences:
        raise typer.Exit(1)
    return None


def _verify_cache(as_json: bool) -> None:
    from fewshot_bench.training.stored import check_all  # torch takes seconds

    found = list(check_all(cache_folder()))
    lines = [f"{one.path}: {line}" for one in found for line in one.differences]
    wrong = sum(bool(one.differences) for one in found)
    if as_json:
        empty = dict.fromkeys(("benchmark", "images", "fingerprint"))
        echo_json({**empty, "differences": lines, "notices": []})
    else:
        counts = f"{counted(len(found), 'files')} checked, {wrong} differ"
        typer.echo("\n".join([*lines, f"{cache_folder()}: {counts}"]))
    if wrong:
        raise typer.Exit(1)


def _verify_features(name: str, as_json: bool) -> None:
    from fewshot_bench.data.opened import open_data  # torch takes seconds

    store = open_data(name)  # which checks the hash of its content
    rows = sum(len(store.split(split)) for split in store.splits)
    facts = {"benchmark": name, "images": rows, "differences": [], "notices": []}
    if as_json:
        return echo_json({**facts, "fingerprint": store.manifest.fingerprint})
    typer.echo(f"{name}: features of {counted(rows, 'images')} as written")
    return typer.echo(f"fingerprint: {store.manifest.fingerprint}")


@app.command("split")
def split_command(
    folder: Annotated[Path, typer.Argument(help="Folder with <class>/<image>.")],
    seed: Annotated[int, typer.Option(help="Which of the random orders of the classes.")] = 0,
    train: Annotated[float, typer.Option(min=0, max=1, help="Fraction of the classes.")] = 0.6,
    val: Annotated[float, typer.Option(min=0, max=1, help="Fraction; the rest is test.")] = 0.2,
    out: Annotated[
        Path | None, typer.Option(help="File to write; by default split.csv in the folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw classes for train, val and test, and write them to a table that folder:PATH follows."""
    rule = random_split(train, val, round(1 - train - val, 9), seed)
    splits = rule(class_names(folder))
    file = out or folder / SPLIT_FILE
    lines = ["class,split", *(f"{_quoted(name)},{split}" for name, split in splits.items())]
    write_atomic(file, "".join(f"{line}\n" for line in lines).encode())
    counts = {split: list(splits.values()).count(split) for split in SPLITS}
    if as_json:
        return echo_json({"file": file, "classes": counts, "rule": str(rule)})
    words = ", ".join(f"{count} {split}" for split, count in counts.items())
    return typer.echo(f"{file}: {words} ({rule})")


def _quoted(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if any(c in cell for c in ',;|"\t\n') else cell


@contextlib.contextmanager
def progress_bar(
    title: str, out: Console | None = None
) -> Iterator[Callable[[int, int, int], None]]:
    """Show a bar once there is progress to show; a line each minute where there is no terminal.

    Args:
        title: what is done.
        out: where to show it; standard error if nothing is said.

    Yields:
        A function for :data:`fewshot_bench.data.prepare.Progress`: it is told images done, classes
        done, and classes in all.
    """
    out = out or console()
    if not out.is_terminal:
        lines = MinuteLines(out)
        lines.begin(f"{title}, classes")
        yield lambda _images, done, total: lines.at(done, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} classes"),
        TextColumn("{task.fields[images]:,} images, {task.fields[rate]:,.0f}/s"),
        TimeLeft(),
    )
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(title, total=None, visible=False, images=0, rate=0.0)

        def show(images: int, done: int, total: int) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = images / elapsed if elapsed else 0.0
            bar.update(task, visible=True, total=total, completed=done, images=images, rate=rate)

        yield show
