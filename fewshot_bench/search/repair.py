"""Missing-argument repair: a loss must depend on target and prediction."""

from random import Random

from fewshot_bench.inner.losses.expression import ARITY, PREDICTION, TARGET, Expression

JOINING = ("add", "sub", "mul", "div")


def repair(rng: Random, expression: Expression) -> Expression:
    """Replace a random terminal by ``op(y, f(x))`` or ``op(f(x), y)`` if y or f(x) is missing."""
    symbols = expression.symbols
    if TARGET in symbols and PREDICTION in symbols:
        return expression
    place = rng.choice([i for i, name in enumerate(symbols) if ARITY[name] == 0])
    pair = [TARGET, PREDICTION]
    rng.shuffle(pair)
    return Expression((*symbols[:place], rng.choice(JOINING), *pair, *symbols[place + 1 :]))
