"""Checks of the method against what this package registers under its name."""

from collections.abc import Iterator

from fewshot_bench.evaluation.document import SCHEMA
from fewshot_bench.evaluation.result import Result
from fewshot_bench.leaderboard.checks.settings import config_of, made, own_backbone, own_entry


def options(result: Result) -> Iterator[str]:
    """All settings are known, and the options are those of the method's signature."""
    document = result.document
    config = config_of(document)
    if config is None or own_entry(document) is None:
        return
    # Imports torch, which building a leaderboard does without.
    from fewshot_bench.methods.build import resolve_options

    resolve_options(config.method, config.options)  # says what is wrong
    yield from ()


def setting(result: Result) -> Iterator[str]:
    """What a prediction may depend on is what the method says of itself with these options."""
    method, entry = result.document.method, own_entry(result.document)
    if entry is None:
        return
    own = entry.setting_of(method.config.options)
    if own != method.setting:
        yield f"its setting is given as {method.setting}, but with its options it is {own}"
    if method.adaptation != entry.adaptation:
        said = "an adaptation of ours" if entry.adaptation else "no adaptation of ours"
        yield f"{method.id} is {said}, which it does not say"


def told(result: Result) -> Iterator[str]:
    """Whether it is told how many queries each class has is as the method says of itself."""
    method = made(result.document)
    if method is not None and result.document.method.told_counts != method.told_counts:
        word = "is" if method.told_counts else "is not"
        yield f"with its options it {word} told the counts of its queries, which it does not say"


def parameters(result: Result) -> Iterator[str]:
    """As many as the method has on this backbone and these images.

    Of the present schema only: results of older ones were made when some methods had other parts.
    """
    document = result.document
    if document.schema_version < SCHEMA or (method := made(document)) is None:
        return
    if document.checkpoint.n_params != method.n_params:
        yield f"it says {document.checkpoint.n_params} parameters, but has {method.n_params}"


def external(result: Result) -> Iterator[str]:
    """Learned from other data if, and only if, it has weights from elsewhere."""
    document = result.document
    checkpoint, config = document.checkpoint, config_of(document)
    if checkpoint.external_data != bool(checkpoint.trained_on):
        yield "external_data and trained_on do not say the same"
    if config is None:
        return
    if config.weights is not None and not checkpoint.external_data:
        yield "its backbone has weights from elsewhere, but it does not say what these learned from"
    if own_backbone(document) and (checkpoint.external_data or checkpoint.weights):
        yield "it says that it has weights from elsewhere, which its backbone never has"


def code(result: Result) -> Iterator[str]:
    """What this suite trained is a method of this package, or names the code of another one."""
    document = result.document
    if config_of(document) is None or own_entry(document) is not None:
        return
    if not document.method.code_sha256:
        yield f"{document.method.id} is no method of this package, and it names no code of another"
