"""Checks of what a method says of queries. Each gives one text for each problem it finds."""

from collections.abc import Iterator

import torch
from torch import Tensor

from fewshot_bench.testing.case import Case, Check, changed, differing, kind, listed
from fewshot_bench.testing.episodes import half_replaced, renamed, support_turned, with_queries

ALONE = 2  # queries that are predicted alone
# Shares of rows that rounding may turn over: where all queries are refined together, and where many
# steps are taken along the signs of gradients.
TURNED_SHARE, TURNED_BY_SUPPORT = 0.1, 0.5


def logits_fit(case: Case) -> Iterator[str]:
    """Shape and type of the logits."""
    wanted = (len(case.episode.query), case.episode.n_way)
    logits = case.logits
    must = f"predict must return logits of shape (queries, classes) = {wanted}"
    if not isinstance(logits, Tensor) or logits.shape != wanted:
        yield f"{must}, it returned {kind(logits)}"
    elif not logits.is_floating_point():
        yield f"{must} as floating-point numbers, it returned {logits.dtype}"


def logits_finite(case: Case) -> Iterator[str]:
    """No NaN and no infinity."""
    if bad := int((~case.logits.isfinite()).any(dim=1).sum()):
        yield f"predict must return finite logits; those of {bad} of {len(case.logits)} are not"


def query_order(case: Case) -> Iterator[str]:
    """Predictions go with the queries, wherever these stand."""
    order = torch.arange(len(case.logits), device=case.episode.query.device).flip(0)
    order = torch.cat([order[1:], order[:1]])
    moved = differing(
        case.predict(with_queries(case.episode, case.episode.query[order])),
        case.logits[order.to(case.logits.device)],
    )
    allowed = TURNED_SHARE if case.method.traits.setting == "transductive" else 0
    if moved.double().mean() > allowed:
        yield (
            "predict must give each query the same logits wherever it stands; in another order"
            f" {int(moved.sum())} of {len(moved)} queries got others"
        )


def support_order(case: Case) -> Iterator[str]:
    """Predictions do not depend on the order of the support set."""
    moved = differing(case.predict(support_turned(case.episode)), case.logits)
    if moved.double().mean() > TURNED_BY_SUPPORT:
        yield (
            "predict must not depend on the order of the support images; in another order"
            f" {int(moved.sum())} of {len(moved)} queries got other logits"
        )


def inductive(case: Case) -> Iterator[str]:
    """A method that says so looks at each query by itself."""
    if case.method.traits.setting != "inductive":
        return
    must = "its traits say inductive, but its prediction for a query changes"
    mend = "look at each query by itself, or say transductive"
    if sees_others(case):
        yield f"{must} with the other queries; {mend}"
    elif sees_company(case):
        yield f"{must} when it comes alone; {mend}"


def transductive(case: Case) -> Iterator[str]:
    """A method that says so makes use of it."""
    setting = case.method.traits.setting
    if setting != "inductive" and not sees_others(case) and not sees_company(case):
        yield f"its traits say {setting}, but no other query changes what it says of one: inductive"


def sees_others(case: Case) -> bool:
    """Whether predictions change when other queries are replaced."""
    episode, kept = half_replaced(case.episode)
    moved = differing(case.predict(episode), case.logits)
    return bool(moved[kept.to(moved.device)].any())


def sees_company(case: Case) -> bool:
    """Whether the prediction of a query that comes alone is another one."""
    query, logits = case.episode.query, case.logits
    return any(
        bool(differing(case.predict(with_queries(case.episode, query[i : i + 1])), one).any())
        for i, one in enumerate(logits[:ALONE].unsqueeze(1))
    )


def class_names(case: Case) -> Iterator[str]:
    """Which number a class has is chance, unless the method is made for a number of classes."""
    if case.method.traits.ways is not None:
        return
    labels = case.episode.support_labels
    order = torch.arange(case.episode.n_way, device=labels.device).roll(1)
    logits = case.predict(renamed(case.episode, order))
    moved = differing(logits[:, order.to(logits.device)], case.logits)
    if moved.double().mean() > TURNED_SHARE:
        yield (
            "predict must not know a class by its number, since traits.ways is None; with the"
            f" classes renumbered {int(moved.sum())} of {len(moved)} queries got other logits"
        )


def hidden_labels(case: Case) -> Iterator[str]:
    """Query labels, where they are known, play no part."""
    with torch.no_grad():
        logits = case.method.predict(case.params, case.episode)
    if differing(logits, case.logits).any():
        yield "predict must not use query labels; with them it says something else"


def parameter_order(case: Case) -> Iterator[str]:
    """A model that was stored holds its parameters in another order."""
    turned = Case(case.name, case.method, dict(reversed(case.params.items())), case.episode)
    if differing(turned.logits, case.logits).any():
        yield "predict must take parameters by name; in another order it says something else"


def repeats(case: Case) -> Iterator[str]:
    """The same again after other calls."""
    case.predict(support_turned(case.episode))
    yield from says_it_again(case)


def says_it_again(case: Case) -> Iterator[str]:
    """What was said first holds after all other calls."""
    if differing(case.predict(case.episode), case.logits).any():
        yield (
            "predict must say the same of the same episode each time; keep no state between calls,"
            " and draw random numbers from episode.generator()"
        )


def tensors_stay(case: Case) -> Iterator[str]:
    """No parameter and no image was changed in place by a prediction."""
    if names := changed(case.before, case.given):
        yield f"predict must not change what it is given; it changed {listed(names)}"


SHAPE = Check("logits of the right shape and type", logits_fit, gates=True)
FINITE = Check("finite logits", logits_finite, gates=True)
QUERY_ORDER = Check("queries in any order", query_order)
INDUCTIVE = Check("the declared setting", inductive)
CLASS_NAMES = Check("classes by any number", class_names)
AGAIN = Check("the same prediction again", says_it_again)
TENSORS_STAY = Check("parameters stay as they are in predict", tensors_stay)

PREDICTIONS = (
    SHAPE,
    FINITE,
    Check("query labels play no part", hidden_labels),
    QUERY_ORDER,
    Check("support images in any order", support_order),
    INDUCTIVE,
    Check("transductive in fact", transductive, note=True),
    CLASS_NAMES,
    Check("parameters in any order", parameter_order),
    Check("the same prediction again", repeats),
    TENSORS_STAY,
)
