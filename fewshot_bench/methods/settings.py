"""The setting of a method as its options make it, told without building it and without torch.

What a method itself says is :attr:`fewshot_bench.methods.base.FewShotMethod.setting`; a test
compares the two for all methods of this package and all options that matter.
"""

from collections.abc import Mapping
from typing import Any

from fewshot_bench.registry import METHODS

HOME = "fewshot_bench"


def setting_of(name: str, options: Mapping[str, Any]) -> str | None:
    """``inductive``, ``transductive_bn`` or ``transductive``.

    Args:
        name: of a method.
        options: some or all of its options.

    Returns:
        None for a method that is not of this package: nothing is known of it.
    """
    if name not in METHODS or METHODS.entry(name).origin != HOME:
        return None
    entry = METHODS.entry(name)
    given = {**entry.options, **options}
    if str(entry.target).endswith(":npbml"):
        return _npbml(given)
    if entry.setting == "transductive":
        return "transductive"
    if "transductive" in given:
        return "transductive_bn" if given["transductive"] else "inductive"
    if "bn" in given and entry.setting == "transductive_bn":
        return _by_statistics(given["bn"])
    return entry.setting


def _npbml(given: Mapping[str, Any]) -> str:
    mixes = given.get("film", True) and given.get("film_mode") == "task"
    losses = given.get("losses", ("transductive",))
    if mixes or not isinstance(losses, list | tuple) or "transductive" in losses:
        return "transductive"
    return _by_statistics(given.get("bn", "batch"))


def _by_statistics(policy: Any) -> str:
    return "transductive_bn" if policy == "batch" else "inductive"
