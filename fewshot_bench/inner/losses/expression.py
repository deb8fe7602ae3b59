"""A loss as an expression tree over a fixed set of operators: text in, text out, nothing executed.

An expression is written as calls, for instance ``mul(-1,mul(y,log(f(x))))``, and kept as its
symbols in prefix order. Text can't refer to anything, so it can't be cyclic; its size and height
are bounded. What the symbols mean is in :mod:`.symbolic`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fewshot_bench.errors import ConfigError

T = TypeVar("T")

TARGET, PREDICTION = "y", "f(x)"
TERMINALS = (TARGET, PREDICTION, "+1", "-1")
OPERATORS = {
    "add": 2,
    "sub": 2,
    "mul": 2,
    "div": 2,
    "min": 2,
    "max": 2,
    "sign": 1,
    "square": 1,
    "abs": 1,
    "log": 1,
    "sqrt": 1,
    "tanh": 1,
}
ARITY = OPERATORS | dict.fromkeys(TERMINALS, 0)
COMMUTATIVE = frozenset({"add", "mul", "min", "max"})

MAX_HEIGHT = 20
MAX_SYMBOLS = 2**11 - 1  # a full binary tree of height 10

_SYMBOL = re.compile(r"f\(x\)|[+-]1|[A-Za-z_]+")


@dataclass(frozen=True)
class Expression:
    """One complete tree.

    Attributes:
        symbols: operators and terminals in prefix order.

    Raises:
        ConfigError: an unknown symbol, not one complete tree, or too large.
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if unknown := [name for name in self.symbols if name not in ARITY]:
            raise ConfigError(
                f"unknown operator {unknown[0][:20]!r} in a loss; known: {', '.join(ARITY)}"
            )
        if len(self.symbols) > MAX_SYMBOLS:
            raise ConfigError(
                f"a loss may have {MAX_SYMBOLS} symbols, this one has {len(self.symbols)}"
            )
        missing = 1
        for place, name in enumerate(self.symbols):
            missing += ARITY[name] - 1
            if missing == 0 and place < len(self.symbols) - 1:
                raise ConfigError(f"a loss goes on after its end, with {self.symbols[place + 1]!r}")
        if missing:
            raise ConfigError(f"a loss lacks {missing} argument{'s' * (missing > 1)} at its end")
        if self.height > MAX_HEIGHT:
            raise ConfigError(f"a loss may be {MAX_HEIGHT} levels high, this one is {self.height}")

    @classmethod
    def parse(cls, text: str) -> "Expression":
        """The expression that :func:`str` writes so; spaces don't matter.

        Raises:
            ConfigError: malformed, or not a possible expression.
        """
        expression = cls(tuple(_SYMBOL.findall(text)))
        # The symbols decide the text, so whatever else is wrong with the text shows here.
        if "".join(text.split()) != str(expression):
            raise ConfigError(
                "a loss is malformed: brackets, commas or numbers of arguments don't fit"
            )
        return expression

    def __str__(self) -> str:
        return self.fold(lambda name, parts: f"{name}({','.join(parts)})" if parts else name)

    def fold(self, combine: Callable[[str, list[T]], T]) -> T:
        """Value of the root, where ``combine`` makes a node's value from those of its children."""
        return self.fold_indexed(lambda index, parts: combine(self.symbols[index], parts))

    def fold_indexed(self, combine: Callable[[int, list[T]], T]) -> T:
        """As :meth:`fold`, with the node's place in prefix order in place of its symbol.

        A loop with a stack, since recursion could be made to run out of stack.
        """
        values: list[T] = []
        for index in reversed(range(len(self.symbols))):
            parts = [values.pop() for _ in range(ARITY[self.symbols[index]])]
            values.append(combine(index, parts))
        return values.pop()

    @property
    def height(self) -> int:
        """Edges from the root to the farthest terminal."""
        return self.fold(lambda _, parts: 1 + max(parts, default=-1))

    @property
    def n_edges(self) -> int:
        """Number of nodes that have a parent."""
        return len(self.symbols) - 1

    def canonical(self) -> "Expression":
        """The same function with the arguments of commutative operators in a fixed order."""

        def ordered(name: str, parts: list[tuple[str, ...]]) -> tuple[str, ...]:
            parts = sorted(parts) if name in COMMUTATIVE else parts
            return (name, *(symbol for part in parts for symbol in part))

        return Expression(self.fold(ordered))
