"""Settings that name something registered say so by their type, and are found by it.

    def mine(setup: Setup, loss: LossName = "cross_entropy") -> FewShotMethod: ...

What a setting of such a type names belongs to the identity of what is trained with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, get_args

from fewshot_bench.registry import (
    CLASSIFIERS,
    HEADS,
    LOSSES,
    OBJECTIVES,
    OPTIMIZERS,
    REFINERS,
    TRANSFORMS,
    Registry,
)


@dataclass(frozen=True)
class NameIn:
    """Marks the type of a setting whose text is a name in a registry."""

    registry: Registry


LossName: TypeAlias = Annotated[str, NameIn(LOSSES)]  # or the path of a loss file
ObjectiveName: TypeAlias = Annotated[str, NameIn(OBJECTIVES)]
HeadName: TypeAlias = Annotated[str, NameIn(HEADS)]
OptimizerName: TypeAlias = Annotated[str, NameIn(OPTIMIZERS)]
TransformName: TypeAlias = Annotated[str, NameIn(TRANSFORMS)]
ClassifierName: TypeAlias = Annotated[str, NameIn(CLASSIFIERS)]
RefinerName: TypeAlias = Annotated[str, NameIn(REFINERS)]


def names_in(
    settings: Mapping[str, Any], types: Mapping[str, Any]
) -> Iterator[tuple[Registry, str]]:
    """What settings name, as pairs of a registry and a name.

    Args:
        settings: values by name.
        types: annotations of the settings; the others name nothing.
    """
    for setting, annotation in types.items():
        value = settings.get(setting)
        if isinstance(value, str):
            yield from ((mark.registry, value) for mark in _marks(annotation))


def _marks(annotation: object) -> Iterator[NameIn]:
    """Marks of an annotation or, where names are optional, of what it is made of."""
    yield from (m for m in getattr(annotation, "__metadata__", ()) if isinstance(m, NameIn))
    for part in get_args(annotation):
        yield from _marks(part)
