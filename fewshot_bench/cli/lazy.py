"""A group of commands whose modules are imported when a command is run, not before.

Torch takes more than a second to import. Help, completion and commands that need no torch would
wait for it if the group imported every command to know its name.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Lazy:
    """A command that is not imported yet.

    Attributes:
        target: ``"module:attribute"`` of a function, or of a Typer for a group of commands.
        help: its line in the help of the group, equal to the first line of its own help.
    """

    target: str
    help: str

    def load(self, name: str) -> Any:
        """Import the command; ``name`` is what users call it."""
        module, _, attribute = self.target.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = name
            return group
        holder = typer.Typer(add_completion=False)
        holder.command(name)(found)
        return typer.main.get_command(holder)


class LazyGroup(TyperGroup):
    """A group that shows its commands from a table; subclasses say which.

    Stand-ins with a name and a line of help are what help and completion see. A command takes the
    place of its stand-in where it is resolved, that is to be run or to complete its own options.
    """

    table: ClassVar[Mapping[str, Lazy]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, lazy in self.table.items():
            self.add_command(TyperCommand(name, callback=None, help=lazy.help))

    # The types of click, whose place depends on the version of typer, are left open.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name, command and the words that are left; imports the command."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self.table:
            command = self.table[name].load(name)
        return name, command, rest
