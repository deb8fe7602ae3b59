"""A method made from its name and options."""

import inspect
import typing
from collections.abc import Callable
from typing import Any, get_args

import pydantic

from fewshot_bench.errors import ConfigError, one_line
from fewshot_bench.methods.base import FewShotMethod, Setting, Setup
from fewshot_bench.methods.options import OptionGroup
from fewshot_bench.registry import METHODS

Options = dict[str, Any]


def resolve_options(name: str, options: Options) -> Options:
    """All options of a method with their values: defaults, the variant's own, the user's.

    Raises:
        ConfigError: unknown method, unknown option (with the known ones) or a wrong value.
    """
    entry = METHODS.entry(name)
    given = {**entry.options, **options}
    fields = _fields(_parameters(entry.load()))
    if unknown := sorted(set(given) - set(fields)):
        known = ", ".join(fields) or "none"
        raise ConfigError(f"{name} has no option {unknown[0]!r}; its options are: {known}")
    try:
        model = pydantic.create_model("Options", __config__={"strict": False}, **fields)
        resolved: Options = model(**given).model_dump()
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{name} option {first['loc'][0]}: {first['msg']}") from error
    except pydantic.errors.PydanticUserError as error:
        reason = one_line(str(error).partition(".")[0])
        raise ConfigError(f"{name} has an option that no setting can give: {reason}") from error
    return resolved


def option_types(name: str) -> dict[str, Any]:
    """Annotations of a method's options by their names; raises ConfigError as above."""
    return {option: kind for option, (kind, _) in _fields(_parameters(METHODS.load(name))).items()}


def build_method(name: str, setup: Setup, options: Options | None = None) -> FewShotMethod:
    """Make a registered method.

    Args:
        name: registered name.
        setup: backbone, image shape and number of classes.
        options: keyword arguments of the method, checked against its signature.

    Raises:
        ConfigError: unknown name, impossible options, or an object that is no method.
    """
    factory = METHODS.load(name)
    resolved = resolve_options(name, options or {})
    try:
        method = factory(setup, **_arguments(_parameters(factory), resolved))
    except TypeError as error:  # a class that leaves out what a method must have, above all
        raise ConfigError(f"method {name} can't be made: {one_line(str(error))}") from error
    _check_base(name, method)
    return typing.cast("FewShotMethod", method)


def _check_base(name: str, method: object) -> None:
    """Raise ConfigError, saying what is missing, unless an object is a method."""
    if not isinstance(method, FewShotMethod):
        raise ConfigError(
            f"{name} gives {type(method).__name__}, which does not derive from"
            " fewshot_bench.methods.base.FewShotMethod"
        )
    setting = getattr(method.traits, "setting", None)
    if setting not in get_args(Setting):
        known = ", ".join(get_args(Setting))
        raise ConfigError(f"method {name} needs traits with a setting: {known}; not {setting!r}")


def _parameters(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    """Keyword parameters of a method factory; the first parameter is the setup."""
    try:
        signature = inspect.signature(factory, eval_str=True)
    except NameError as error:
        raise ConfigError(f"an annotation of {factory} can't be understood: {error}") from error
    parameters = list(signature.parameters.values())[1:]
    if vague := [p.name for p in parameters if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]:
        raise ConfigError(f"{factory} must name its options one by one, in place of {vague[0]!r}")
    return parameters


def _group(parameter: inspect.Parameter) -> type[OptionGroup] | None:
    """The model of a parameter that stands for several options."""
    kind = parameter.annotation
    return kind if inspect.isclass(kind) and issubclass(kind, OptionGroup) else None


def _fields(parameters: list[inspect.Parameter]) -> dict[str, Any]:
    """Type and default of each option, as pydantic takes them."""
    fields: dict[str, Any] = {}
    for p in parameters:
        if (group := _group(p)) is None:
            kind = Any if p.annotation is p.empty else p.annotation
            fields[p.name] = kind, (... if p.default is p.empty else p.default)
            continue
        defaults = group() if p.default is p.empty else p.default
        kinds = typing.get_type_hints(group, include_extras=True)
        fields |= {name: (kinds[name], getattr(defaults, name)) for name in group.model_fields}
    return fields


def _arguments(parameters: list[inspect.Parameter], options: Options) -> Options:
    """Options as the factory takes them, groups put together."""
    arguments: Options = {}
    for p in parameters:
        if (group := _group(p)) is None:
            arguments[p.name] = options[p.name]
        else:
            arguments[p.name] = group(**{name: options[name] for name in group.model_fields})
    return arguments
