"""What all models of a configuration have in common."""

import difflib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from fewshot_bench.errors import ConfigError

Table: TypeAlias = dict[str, Any]
M = TypeVar("M", bound=BaseModel)


class Model(BaseModel):
    """A checked table of settings: no unknown names, no changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def validated(model: type[M], table: Any, where: str = "") -> M:
    """Build a model.

    Args:
        model: its class.
        table: settings by name.
        where: dotted name of the table itself, for messages.

    Raises:
        ConfigError: with the first problem in one line.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        nested = first.get("ctx", {}).get("error")
        if isinstance(nested, ConfigError):  # of a table inside, which knows better
            raise nested from error
        place = ".".join(filter(None, (where, *map(str, first["loc"]))))
        if first["type"] == "extra_forbidden":
            hint = _hint(place, setting_names(model, where))
            raise ConfigError(f"unknown setting {place!r}; {hint}") from error
        raise ConfigError(f"{place}: {first['msg']}, not {first['input']!r}") from error


def setting_names(model: type[BaseModel], where: str = "") -> list[str]:
    """Dotted names of all settings of a model and of the tables in it.

    Args:
        model: its class.
        where: dotted name of its table; "" for the whole configuration.
    """
    return list(_names(model, f"{where}." if where else ""))


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            yield from _names(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def _hint(unknown: str, known: Sequence[str]) -> str:
    """What may have been meant by a dotted name, or what its table has.

    First its own table: a name that looks alike, or one that is short for it, as ``lr``. Then any.
    """
    table, _, last = unknown.rpartition(".")
    short = "".join(word[:1] for word in last.split("_"))
    beside = [name for name in known if name.rpartition(".")[0] == table]
    for names in (beside, known):
        by_last = {name: name.rpartition(".")[2] for name in names}
        meant = [name for name, end in by_last.items() if end in (last, short)]
        alike = difflib.get_close_matches(last, by_last.values(), n=1)
        meant = meant or [name for name, end in by_last.items() if end in alike]
        if meant:
            return f"did you mean {' or '.join(meant[:2])}?"
    return f"known: {', '.join(beside or known)}"
