"""Checks of names: none looks like a registered one without being it."""

from collections.abc import Iterator

from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.result import Result
from fewshot_bench.registry import BACKBONES, BENCHMARKS, METHODS, SAMPLERS, Registry

# Characters that are read as others; longer ones first.
_READ_AS = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("|", "l"), ("5", "s"))


def names(result: Result) -> Iterator[str]:
    """Method, backbone, benchmark and sampler have plain names that nobody mistakes.

    Other alphabets hold letters that look like those of ASCII, so names on a board are of printable
    ASCII. A name that is not registered must not read like one that is: ``ProtoNet``, ``prot0net``.
    """
    document = result.document
    named = (
        (METHODS, document.method.id),
        (BACKBONES, document.method.config.backbone),
        (BENCHMARKS, document.dataset.id),
        (SAMPLERS, document.protocol.sampler.drawing),
    )
    for registry, name in named:
        if not (name.isascii() and name.isprintable()):
            yield f"its {registry.kind} is called {name!a}; names are of printable ASCII"
        elif not known(registry, name) and (like := _reads_like(registry, name)):
            yield f"its {registry.kind} {name!r} is not {like!r}, but reads like it"


def known(registry: Registry, name: str) -> bool:
    """Whether a name, or the family that it belongs to, is registered."""
    try:
        registry.entry(name)
    except ConfigError:
        return False
    return True


def _reads_like(registry: Registry, name: str) -> str | None:
    """The registered name that reads like another one."""
    return next((one.name for one in registry if _read(one.name) == _read(name)), None)


def _read(name: str) -> str:
    """What is left of a name at a quick look: no case, no signs, no look-alikes."""
    text = name.casefold()
    for one, other in _READ_AS:
        text = text.replace(one, other)
    return "".join(character for character in text if character.isalnum())
