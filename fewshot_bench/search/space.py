"""Trees by DEAP: its primitive set, generators and operators, drawing from a source of our own."""

import contextlib
import functools
from collections.abc import Iterator
from random import Random

from deap import gp

from fewshot_bench.inner.losses.expression import OPERATORS, TERMINALS, Expression

MAX_HEIGHT = 10


def _primitive_set() -> gp.PrimitiveSetTyped:
    """Symbols only: what they compute is not DEAP's business."""
    primitives = gp.PrimitiveSetTyped("loss", [], float)
    for name, arity in OPERATORS.items():
        primitives.addPrimitive(len, [float] * arity, float, name=name)
    for name in TERMINALS:
        primitives.addTerminal(name, float, name=name)
    return primitives


PRIMITIVES = _primitive_set()


@contextlib.contextmanager
def _drawing_from(rng: Random) -> Iterator[None]:
    """DEAP draws from the module ``random``, which is global; here it gets ``rng`` in its place."""
    module, gp.random = gp.random, rng
    try:
        yield
    finally:
        gp.random = module


def to_deap(expression: Expression) -> gp.PrimitiveTree:
    """The same tree as DEAP's."""
    return gp.PrimitiveTree([PRIMITIVES.mapping[name] for name in expression.symbols])


def from_deap(tree: list[gp.Primitive | gp.Terminal]) -> Expression:
    """The same tree as ours."""
    return Expression(tuple(node.name for node in tree))


def random_tree(rng: Random, low: int, high: int) -> Expression:
    """Half-and-half: full or grown, of a height drawn from ``low`` to ``high``."""
    with _drawing_from(rng):
        return from_deap(gp.genHalfAndHalf(PRIMITIVES, low, high))


def crossover(rng: Random, one: Expression, other: Expression) -> Expression:
    """``one`` with a random subtree replaced by a random subtree of ``other``."""
    with _drawing_from(rng):
        child, _ = gp.cxOnePoint(to_deap(one), to_deap(other))
    return from_deap(child)


def mutation(rng: Random, parent: Expression) -> Expression:
    """``parent`` with a random subtree replaced by a random tree of height 0 to 2."""
    grow = functools.partial(gp.genHalfAndHalf, min_=0, max_=2)
    with _drawing_from(rng):
        [child] = gp.mutUniform(to_deap(parent), grow, PRIMITIVES)
    return from_deap(child)
