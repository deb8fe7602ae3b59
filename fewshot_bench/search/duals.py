"""A weighted tree with its derivative in the prediction, and how that follows from the weights.

A search asks a small tree for its gradients hundreds of thousands of times, for a thousand
numbers each. Then autograd's calls cost far more than its arithmetic, so derivatives are written
out here: forwards every node has its value and its derivative in the prediction (a dual number),
backwards every edge gets the gradient of any weighted sum of the root's derivatives.

What is computed follows from the checked symbols of an expression alone; nothing is generated.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from fewshot_bench.inner.losses.expression import ARITY, PREDICTION, TARGET, Expression
from fewshot_bench.search.partials import PARTIALS, Local, Number


@dataclass(frozen=True, eq=False)
class Dual:
    """A tree at some predictions and targets; each tuple has one entry per node, in prefix order.

    Attributes:
        expression: the tree.
        weights: of the edges, in prefix order.
        values: of the nodes, before their edges' weights.
        slopes: their derivatives in the prediction, None where they don't depend on it.
        locals: the operators at their arguments, None at terminals.
    """

    expression: Expression
    weights: Sequence[float]
    values: Sequence[Number]
    slopes: Sequence[Number]
    locals: Sequence[Local | None]

    @property
    def value(self) -> Number:
        """Of the root, an array or one number."""
        return self.values[0]

    @property
    def slope(self) -> Number:
        """Derivative of the root in the prediction: an array, one number, or None for zero."""
        return self.slopes[0]


def dual(
    expression: Expression, weights: Sequence[float], prediction: Number, target: Number
) -> Dual:
    """Evaluate a tree and its derivative, element by element.

    Args:
        expression: the tree.
        weights: (n_edges,) numbers.
        prediction: f(x), a one-dimensional array.
        target: y, of the same shape and type.
    """
    one = prediction.dtype.type(1)
    terminals = {PREDICTION: prediction, TARGET: target, "+1": one, "-1": -one}
    n = len(expression.symbols)
    values: list[Number] = [None] * n
    slopes: list[Number] = [None] * n
    found: list[Local | None] = [None] * n
    for node, name, children in plan(expression):
        if not children:
            values[node] = terminals[name]
            slopes[node] = one if name == PREDICTION else None
            continue
        local = PARTIALS[name](*[weights[c - 1] * values[c] for c in children])
        values[node], found[node] = local.value, local
        slope = None
        for partial, child in zip(local.partials, children, strict=True):
            if slopes[child] is not None:
                slope = plus(slope, times(partial, weights[child - 1] * slopes[child]))
        slopes[node] = slope
    return Dual(expression, weights, values, slopes, found)


def weight_gradient(at: Dual, direction: Number) -> list[float]:
    """Gradient in the weights (n_edges,) of the sum of ``direction`` times the root's slope.

    Args:
        at: the tree with its values.
        direction: one-dimensional, one number per prediction.
    """
    n = len(at.values)
    gradient = [0.0] * (n - 1)
    to_value: list[Number] = [None] * n  # gradients in the nodes' values and slopes
    to_slope: list[Number] = [None] * n
    to_slope[0] = direction
    for node, _, children in reversed(plan(at.expression)):
        local = at.locals[node]
        if local is None or (to_value[node] is None and to_slope[node] is None):
            continue
        bent = _bent(at, local, children, to_slope[node])
        for child, partial, extra in zip(children, local.partials, bent, strict=True):
            value = plus(times(partial, to_value[node]), extra)
            if value is not None and at.values[child].ndim == 0:
                value = value.sum()
            slope = None if at.slopes[child] is None else times(partial, to_slope[node])
            gradient[child - 1] = _dot(value, at.values[child]) + _dot(slope, at.slopes[child])
            if at.locals[child] is not None:
                weight = at.weights[child - 1]
                to_value[child], to_slope[child] = times(weight, value), times(weight, slope)
    return gradient


def _bent(
    at: Dual, local: Local, children: tuple[int, ...], to_slope: Number
) -> tuple[Number, ...]:
    """Gradients in the arguments of what the root owes to the operator's derivatives there."""
    if local.second is None or to_slope is None:
        return (None,) * len(children)
    incoming = [times(at.weights[c - 1], at.slopes[c]) for c in children]
    second = local.second()
    if len(children) == 1:
        return (times(to_slope, times(second[0], incoming[0])),)
    rows = (second[:2], second[1:])
    a, b = incoming
    return tuple(times(to_slope, plus(times(first, a), times(last, b))) for first, last in rows)


@functools.lru_cache(maxsize=256)
def plan(expression: Expression) -> list[tuple[int, str, tuple[int, ...]]]:
    """Each node with its symbol and its children, children first."""
    steps: list[tuple[int, str, tuple[int, ...]]] = []
    waiting: list[int] = []
    for node in reversed(range(len(expression.symbols))):
        name = expression.symbols[node]
        children = tuple(waiting.pop() for _ in range(ARITY[name]))
        steps.append((node, name, children))
        waiting.append(node)
    return steps


def times(a: Number, b: Number) -> Number:
    """Product, where None is zero."""
    if a is None or b is None:
        return None
    if type(a) is int:  # a derivative that is the same everywhere
        return b if a == 1 else a * b
    return a * b


def plus(a: Number, b: Number) -> Number:
    """Sum, where None is zero."""
    if a is None:
        return b
    return a if b is None else a + b


def _dot(a: Number, b: Number) -> float:
    """Sum of the products, where None is zero and a number stands for as many as there are."""
    if a is None or b is None:
        return 0.0
    return float(a.dot(b) if b.ndim else a.sum() * b)
