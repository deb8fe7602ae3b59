"""How the embedding that a method adapts was trained, in the words of tables and pictures."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from fewshot_bench.config.stages import ClassifyConfig
from fewshot_bench.evaluation.document import Document
from fewshot_bench.evaluation.identity import flat

STEPS = "steps"
OWN = "meta-train"  # the stage of methods that are trained themselves
USUAL = {name: field.default for name, field in ClassifyConfig.model_fields.items()} | {
    "objective_options": {}
}


def pretraining_words(document: Document) -> str:
    """What a classifier was put on, as ``linear + rotation`` or ``distilled``.

    Returns:
        Objective, loss, whether a teacher was there, and a second task; names of weights that come
        from elsewhere; "" for a method that has a training of its own.
    """
    trained = document.method.config.train is not None
    older = trained and document.schema_version < 3  # which names no stages
    if older or any(stage.name == OWN for stage in document.checkpoint.stages):
        return ""
    settings = _classify(document)
    if settings is None:
        return document.checkpoint.weights or document.checkpoint.trained_on or "untrained"
    return classify_words(settings)


def classify_words(settings: Mapping[str, Any]) -> str:
    """The same of the settings ``stages.classify``, where those left out have their usual values.

    Example:
        >>> classify_words({}), classify_words({"generation": 1}), classify_words({"rotation": 0.5})
        ('linear', 'distilled', 'linear + rotation')
        >>> classify_words({"objective": "negative-margin", "loss": "losses/mine.json"})
        'negative margin, mine loss'
    """
    known = {**USUAL, **settings}
    loss = PurePath(str(known["loss"])).stem
    said = [] if loss == USUAL["loss"] else [f"{loss.replace('_', ' ')} loss"]
    said += ["distilled"] if known["generation"] else []
    objective = str(known["objective"])
    if objective != USUAL["objective"] or not said:
        said = [objective.replace("-", " "), *said]
    return ", ".join(said) + (" + rotation" if known["rotation"] else "")


def distinct_pretrainings(documents: Sequence[Document]) -> list[str]:
    """The words of each; where other settings differ under the same words, these in parentheses.

    The number of steps stands there alone where it tells them apart.
    """
    words = [pretraining_words(document) for document in documents]
    tables = [_unusual(document) for document in documents]
    named = []
    for word, table in zip(words, tables, strict=True):
        alike = [t for w, t in zip(words, tables, strict=True) if w == word]
        names = sorted({name for t in alike for name in t})
        apart = [n for n in names if len({t.get(n) for t in alike}) > 1]
        kinds = {tuple(sorted(t.items())) for t in alike}
        if len({t.get(STEPS) for t in alike}) == len(kinds):
            apart = [n for n in apart if n == STEPS]
        told = ", ".join(f"{n} {table.get(n, 'usual').strip(chr(34))}" for n in apart)
        named.append(f"{word} ({told})" if told and word else word)
    return named


def _classify(document: Document) -> Mapping[str, Any] | None:
    """Settings of the classifier that was trained first; None where there was none."""
    if not document.pre_trained:
        return None
    stages = document.method.config.table().get("stages")
    found = stages.get("classify") if isinstance(stages, dict) else None
    return found if isinstance(found, dict) else None


def _unusual(document: Document) -> dict[str, str]:
    """Settings that are not the usual ones, and the backbone, as JSON by dotted name."""
    settings = _classify(document) or {}
    table = {k: v for k, v in settings.items() if k not in USUAL or v != USUAL[k]}
    return flat({**table, "backbone": document.method.config.backbone})
