"""What a candidate is worth: cheap tests, local search, rejection, then a short training."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.files import sha256
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.symbolic import INITIAL_SPREAD
from fewshot_bench.inner.losses.taylor import taylor_loss
from fewshot_bench.search.gradients import FunctionLosses, Losses, PairLoss, TreeLosses
from fewshot_bench.search.local_search import tune
from fewshot_bench.search.rejection import improves, output_gradients, sampled_outputs
from fewshot_bench.search.spec import Outcome, Problem, SearchSpec, Verdict, open_problem
from fewshot_bench.search.stacked import stacked_errors, train_stacked
from fewshot_bench.supervised.train import generator


def assess(spec: SearchSpec, candidates: Sequence[str]) -> list[Outcome]:
    """Outcomes of a few candidates, computed together.

    All of them start from the same networks and see the same batches, which follow from the
    search's seed; the noise on a tree's first weights follows from the seed and the tree.

    Args:
        spec: the search.
        candidates: expressions, or for TaylorGLO JSON lists of coefficients.
    """
    problem = open_problem(spec)
    if spec.method == "taylorglo":
        return _assess_taylor(spec, problem, [torch.tensor(json.loads(c)) for c in candidates])
    trees = [_Tree.fresh(spec, Expression.parse(text)) for text in candidates]
    sampled = sampled_outputs(problem.model, problem.data, spec.training_seed)
    grads = output_gradients(_losses(trees), *sampled)
    alive = _drop(trees, (grads != 0).flatten(1).any(1), "no gradient")
    if spec.method == "evomal":
        alive = _learn_weights(spec, problem, alive)
    alive = _reject(spec, alive, sampled)
    for tree, fitness in zip(alive, _fitness(spec, problem, _losses(alive)), strict=True):
        tree.outcome = _outcome(fitness, tree.weights)
    return [tree.outcome for tree in trees if tree.outcome is not None]


@dataclass(eq=False)
class _Tree:
    """A candidate on its way; what became of it is None as long as it is alive."""

    expression: Expression
    weights: Tensor
    outcome: Outcome | None = None

    @classmethod
    def fresh(cls, spec: SearchSpec, expression: Expression) -> "_Tree":
        return cls(expression, initial_weights(spec, expression))


def _losses(trees: Sequence[_Tree]) -> TreeLosses:
    return TreeLosses(
        [tree.expression for tree in trees], [tree.weights.tolist() for tree in trees]
    )


def _drop(trees: Sequence[_Tree], good: Tensor, verdict: Verdict) -> list[_Tree]:
    for tree, fine in zip(trees, good.tolist(), strict=True):
        if not fine:
            tree.outcome = Outcome(verdict)
    return [tree for tree in trees if tree.outcome is None]


def _reject(spec: SearchSpec, trees: list[_Tree], sampled: tuple[Tensor, Tensor]) -> list[_Tree]:
    if not trees:
        return []
    good = improves(_losses(trees), *sampled, spec.protocol_steps, spec.protocol_lr)
    return _drop(trees, good, "rejected")


def _learn_weights(spec: SearchSpec, problem: Problem, trees: list[_Tree]) -> list[_Tree]:
    if not trees:
        return []
    learned = tune(
        [tree.expression for tree in trees],
        [tree.weights for tree in trees],
        problem.model,
        problem.data,
        spec.recipe,
        spec.local_steps,
        spec.local_lr,
        spec.training_seed,
    )
    for tree, weights in zip(trees, learned, strict=True):
        tree.weights = weights
    finite = torch.stack([weights.isfinite().all() for weights in learned])
    return _drop(trees, finite, "not finite")


def initial_weights(spec: SearchSpec, expression: Expression) -> Tensor:
    """Ones, with EvoMAL's noise unless the weights are to stay ones."""
    weights = torch.ones(expression.n_edges)
    if spec.method == "gp":
        return weights
    stream = int(sha256(str(expression).encode())[:8], 16)
    noise = torch.randn(len(weights), generator=generator(spec.training_seed, stream))
    return weights + INITIAL_SPREAD * noise


def _assess_taylor(spec: SearchSpec, problem: Problem, coefficients: list[Tensor]) -> list[Outcome]:
    def loss(own: Tensor) -> PairLoss:
        return lambda prediction, target: taylor_loss(own, prediction, target)

    fitness = _fitness(spec, problem, FunctionLosses([loss(own) for own in coefficients]))
    return [_outcome(f, own) for f, own in zip(fitness, coefficients, strict=True)]


def _fitness(spec: SearchSpec, problem: Problem, losses: Losses) -> list[float]:
    """Validation error after a short training; inf where the loss was ever not finite."""
    if not len(losses):
        return []
    model, data, seed = problem.model, problem.data, spec.training_seed
    params, alive = train_stacked(model, data, losses, spec.recipe, seed)
    found = stacked_errors(model, params, data.val)
    return found.where(alive & found.isfinite(), math.inf).tolist()


def _outcome(fitness: float, weights: Tensor) -> Outcome:
    verdict: Verdict = "kept" if math.isfinite(fitness) else "not finite"
    return Outcome(verdict, fitness, tuple(weights.tolist()))
