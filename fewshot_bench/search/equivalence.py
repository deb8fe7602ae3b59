"""Gradient equivalence: losses that pull predictions equally hard are taken for the same loss.

The key of a loss is the norm of its gradient in the outputs of an untrained network, for each of
a hundred instances, to two significant digits. ``raw`` tells a loss from its multiples, since
they train differently at the same learning rate; ``normalised`` does not. The weights are those
before local search, which the merged losses are spared.
"""

from typing import Literal

from fewshot_bench.files import sha256
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.search.gradients import TreeLosses
from fewshot_bench.search.rejection import output_gradients, sampled_outputs
from fewshot_bench.search.spec import Problem


def gradient_key(
    problem: Problem, seed: int, expression: Expression, kind: Literal["raw", "normalised"]
) -> str:
    """Key of an expression with all weights 1; equal keys mean equal losses to this filter."""
    outputs, targets = sampled_outputs(problem.model, problem.data, seed)
    losses = TreeLosses([expression], [[1.0] * expression.n_edges])
    norms = output_gradients(losses, outputs, targets)[0].norm(dim=-1)
    if kind == "normalised":
        norms = norms / norms.norm()
    return sha256(" ".join(f"{norm:.1e}" for norm in norms.tolist()).encode())[:32]
