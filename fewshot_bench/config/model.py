"""What all models of a configuration have in common."""

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
            raise ConfigError(f"unknown setting {place!r}") from error
        raise ConfigError(f"{place}: {first['msg']}, not {first['input']!r}") from error
