"""The twelve operators with their first and second derivatives, on NumPy arrays.

Values and derivatives are those that autograd finds in
:mod:`fewshot_bench.inner.losses.symbolic`, also at kinks. A derivative that is zero everywhere is
None, and one that is 1 or -1 everywhere is that number, so that :mod:`.duals` can leave out the
arithmetic.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fewshot_bench.inner.losses.symbolic import FLOOR

Number: TypeAlias = Any  # NumPy array or scalar; None for zero


class Local(NamedTuple):
    """An operator at its arguments.

    Attributes:
        value: of the operator.
        partials: its derivatives in each argument.
        second: gives the second derivatives: for one argument [aa]; for two [aa, ab, bb]. None for
            operators without any.
    """

    value: Number
    partials: tuple[Number, ...]
    second: Callable[[], tuple[Number, ...]] | None = None


def _mul(a: Number, b: Number) -> Local:
    return Local(a * b, (b, a), lambda: (None, 1, None))


def _div(a: Number, b: Number) -> Local:
    """a / sqrt(1 + b^2), without an overflow of the square."""
    length = np.sqrt(1 + b * b)
    if not np.isfinite(length.max()):
        length = np.hypot(1, b)
    r = 1 / length
    cube = r * r * r
    cross = -b * cube

    def second() -> tuple[Number, ...]:
        br = b * r
        return None, cross, a * cube * (3 * br * br - 1)

    return Local(a * r, (r, a * cross), second)


def _first_wins(a: Number, b: Number, wins: Number, value: Number) -> Local:
    """Minimum or maximum; where the arguments are equal each gets half of the gradient."""
    share = np.where(a == b, value.dtype.type(0.5), wins)
    return Local(value, (share, 1 - share))


def _sign(a: Number) -> Local:
    return Local(np.sign(a), (None,))


def _square(a: Number) -> Local:
    return Local(a * a, (a + a,), lambda: (2,))


def _abs(a: Number) -> Local:
    return Local(np.abs(a), (np.sign(a),))


def _log(a: Number) -> Local:
    size = np.abs(a)
    slope = _unless_floored(1 / a, size)
    return Local(np.log(np.maximum(size, FLOOR)), (slope,), lambda: (-slope * slope,))


def _sqrt(a: Number) -> Local:
    size = np.abs(a)
    value = np.sqrt(np.maximum(size, FLOOR))
    slope = _unless_floored(np.copysign(0.5, a) / value, size)
    return Local(value, (slope,), lambda: (-slope * slope / value,))


def _unless_floored(slope: Number, size: Number) -> Number:
    return np.where(size >= FLOOR, slope, slope.dtype.type(0))


def _tanh(a: Number) -> Local:
    value = np.tanh(a)
    slope = 1 - value * value
    return Local(value, (slope,), lambda: (-2 * value * slope,))


PARTIALS: dict[str, Callable[..., Local]] = {
    "add": lambda a, b: Local(a + b, (1, 1)),
    "sub": lambda a, b: Local(a - b, (1, -1)),
    "mul": _mul,
    "div": _div,
    "min": lambda a, b: _first_wins(a, b, a < b, np.minimum(a, b)),
    "max": lambda a, b: _first_wins(a, b, a > b, np.maximum(a, b)),
    "sign": _sign,
    "square": _square,
    "abs": _abs,
    "log": _log,
    "sqrt": _sqrt,
    "tanh": _tanh,
}
