"""The reference of commands, written from the commands themselves."""

from collections.abc import Iterator
from typing import Any

import typer

from fewshot_bench.cli.app import app


def reference() -> str:
    """A page in Markdown: each command with its help, arguments and options."""
    root = typer.main.get_command(app)
    context = root.context_class(root, info_name="fsbench")
    parts = [
        "# Commands",
        "Messages and progress go to standard error, results to standard output. Exit codes: 0, 1"
        " where a check found something, 2 for a mistake (one line says which), 130 after Ctrl-C,"
        " 143 after SIGTERM. [For programs](programs.md) says what `--json` prints.",
        *_sections(root, context),
    ]
    return "\n\n".join(parts) + "\n"


def _sections(command: Any, context: Any) -> Iterator[str]:
    """Sections of a command and of all that are in it, outer ones first.

    Args:
        command: a command of click, or of the copy of click that newer versions of typer bring.
        context: its context, which knows where it stands.
    """
    if context.parent is not None:
        level = "##" if context.parent.parent is None else "###"
        yield f"{level} {context.command_path}"
        if command.help:
            yield _plain(command.help)
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            _, inner, _ = command.resolve_command(context, [name])
            yield from _sections(inner, inner.context_class(inner, info_name=name, parent=context))
        return
    yield f"    {context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    rows = [_row(one, context) for one in command.get_params(context) if one.name != "help"]
    yield "\n".join(["| | |", "|---|---|", *rows])


def _row(parameter: Any, context: Any) -> str:
    """A line of the table: names with the kind of value, then help, limits and default."""
    name, text = parameter.get_help_record(context) or (parameter.name, "")
    return f"| `{_cell(name)}` | {_cell(_plain(text))} |"


def _plain(text: str) -> str:
    """Help texts escape brackets for the terminal."""
    return text.replace("\\[", "[").replace("\b", "").strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
