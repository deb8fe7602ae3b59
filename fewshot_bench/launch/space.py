"""What may be tuned: ranges of settings, given or by the family of a method."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError, model_validator

from fewshot_bench.config import Table, validated
from fewshot_bench.config.model import Model
from fewshot_bench.errors import ConfigError
from fewshot_bench.training.context import Run

WIDTH = 10.0  # default ranges go from a tenth of the present value to ten times it
Scalar = bool | int | float | str


class Range(Model):
    """The values of one setting.

    Attributes:
        low: smallest value; whole numbers where ``low`` and ``high`` are whole.
        high: largest value.
        log: draw the logarithm evenly.
        choices: values, in place of ``low`` and ``high``.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: list[Scalar] | None = None

    @model_validator(mode="after")
    def _possible(self) -> "Range":
        if self.choices is not None:
            if self.low is not None or self.high is not None or not self.choices:
                raise ValueError("takes choices, or low and high")
        elif self.low is None or self.high is None or self.low >= self.high:
            raise ValueError("takes low and high, low below high, or choices")
        elif self.log and self.low <= 0:
            raise ValueError("with log = true low is above 0")
        return self

    @property
    def whole(self) -> bool:
        """Whether values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Space = dict[str, Range]


def read_space(table: Mapping[str, Any], where: str) -> Space:
    """Ranges by dotted name of a setting; raises ConfigError for what is no range.

    Args:
        table: keys may be nested or dotted.
        where: its name, for messages.
    """
    found: Space = {}
    for name, given in _leaves(table, ""):
        try:
            found[name] = Range.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            message = first["msg"].removeprefix("Value error, ")
            if first["type"] == "extra_forbidden":
                validated(Range, given, f"{where}.{name}")  # with a hint
            raise ConfigError(f"{where}: {name} {message}") from error
    return found


def _leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and not set(value) & set(Range.model_fields):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def default_space(run: Run) -> Space:
    """Learning rates around their present values.

    Of a method that is trained by episodes these are the outer one and those of its options; of
    one on a frozen backbone, the rate of the stage that trained the backbone.
    """
    config = run.config
    if not run.method.traits.trains:
        used = {name: config.stages[name] for name in (need.name for need in run.stage.needs)}
        rates = {
            f"stages.{name}.lr": rate
            for name, stage in used.items()
            if isinstance(rate := getattr(stage, "lr", None), float)
        }
        return {name: _around(rate) for name, rate in rates.items()}
    inner = {
        f"options.{name}": value
        for name, value in config.options.items()
        if (name == "lr" or name.endswith("_lr")) and isinstance(value, float) and value > 0
    }
    rates = {"train.lr": config.train.lr, **inner}
    return {name: _around(rate) for name, rate in rates.items()}


def _around(value: float) -> Range:
    return Range(low=value / WIDTH, high=value * WIDTH, log=True)


def space_table(space: Space) -> Table:
    """JSON form."""
    return {name: one.model_dump(exclude_defaults=True) for name, one in space.items()}
