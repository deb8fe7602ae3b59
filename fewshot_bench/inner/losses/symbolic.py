"""A loss that is an expression tree with one weight on each edge: what EvoMAL finds.

Raymond, Chen, Xue, Zhang: Learning Symbolic Model-Agnostic Loss Functions via Meta-Learning,
2023, arXiv 2209.08907. The operators are those of the authors' code.

The tree sees one output at a time, its target y and its prediction f(x), and is summed over the
outputs. The value of every node but the root is multiplied by its weight on the way to its
parent; with all weights 1 it is the plain expression.

All operators are defined everywhere, and so are their first and second derivatives: where a
derivative does not exist (kinks, and log and sqrt within 1e-7 of 0) it is 0, or halfway between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.expression import PREDICTION, TARGET, Expression
from fewshot_bench.inner.losses.per_output import of_logits
from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.params import Params

FLOOR = 1e-7  # of log and sqrt
WEIGHTS = "loss.weights"
INITIAL_SPREAD = 1e-3


def _abs(x: Tensor) -> Tensor:
    # Autograd would go through the derivative of the sign, which is zero but not for free.
    return x * x.detach().sign()


def _floored(x: Tensor) -> Tensor:
    return _abs(x).clamp_min(FLOOR)


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    # a / sqrt(1 + b^2), without an overflow of the square.
    "div": lambda a, b: a / torch.hypot(torch.ones_like(b), b),
    "min": torch.minimum,
    "max": torch.maximum,
    "sign": torch.sign,
    "square": lambda a: a * a,
    "abs": _abs,
    "log": lambda a: _floored(a).log(),
    "sqrt": lambda a: _floored(a).sqrt(),
    "tanh": torch.tanh,
}


def evaluate(
    expression: Expression,
    weights: Sequence[Tensor] | Sequence[float],
    prediction: Tensor,
    target: Tensor,
) -> Tensor:
    """Value of the weighted tree, element by element.

    Args:
        expression: the tree.
        weights: one scalar for each node but the root, in prefix order; numbers are faster.
        prediction: f(x), any shape.
        target: y, of the same shape.

    Returns:
        The shape of the prediction, whether or not the tree contains it.
    """
    one = prediction.new_ones(())
    leaves = {PREDICTION: prediction, TARGET: target, "+1": one, "-1": -one}

    def combine(index: int, parts: list[Tensor]) -> Tensor:
        name = expression.symbols[index]
        value = leaves[name] if name in leaves else FUNCTIONS[name](*parts)
        return value * weights[index - 1] if index else value

    return expression.fold_indexed(combine).expand_as(prediction)


@dataclass(frozen=True)
class SymbolicLoss(InnerLoss):
    """An expression as inner loss and as supervised criterion; mean over instances.

    Attributes:
        expression: the tree.
        weights: frozen weights of the edges in prefix order; None where they are
            meta-parameters, which then start at N(1, 1e-3).

    Raises:
        ConfigError: not one weight for each edge.
    """

    expression: Expression
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.weights is not None and len(self.weights) != self.expression.n_edges:
            raise ConfigError(
                f"a loss with {self.expression.n_edges} edges needs as many weights,"
                f" got {len(self.weights)}"
            )

    def init(self, generator: torch.Generator) -> Params:
        """``loss.weights``, (n_edges,), unless they are frozen."""
        if self.weights is not None:
            return {}
        noise = torch.randn(self.expression.n_edges, generator=generator)
        return {WEIGHTS: 1 + INITIAL_SPREAD * noise}

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar, any sign."""
        return of_logits(self, phi, view.support_logits, view.support_labels)

    def of_outputs(self, phi: Params, prediction: Tensor, target: Tensor) -> Tensor:
        """Predictions and targets (N, C) to losses (N,), summed over the outputs."""
        weights = phi[WEIGHTS].unbind() if self.weights is None else self.weights
        return evaluate(self.expression, weights, prediction, target).sum(dim=-1)


def absolute_cross_entropy() -> SymbolicLoss:
    """phi_0 |log(phi_1 y f(x))|, which the authors' code shows as found; weights to be learned.

    With all weights 1 it is cross-entropy. A product of inner weights above 1 makes it rise again
    as the target's probability goes to 1, which is a kind of label smoothing.
    """
    return SymbolicLoss(Expression.parse("abs(log(mul(y,f(x))))"))
