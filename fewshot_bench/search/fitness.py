"""What a candidate is worth: cheap tests, local search, rejection, then a short training."""

import json
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fewshot_bench.files import sha256
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.symbolic import INITIAL_SPREAD
from fewshot_bench.inner.losses.taylor import taylor_loss
from fewshot_bench.search.local_search import tune, weighted
from fewshot_bench.search.rejection import improves, output_gradients, sampled_outputs
from fewshot_bench.search.spec import Outcome, Problem, SearchSpec, open_problem
from fewshot_bench.search.stacked import PairLoss, stacked_errors, train_stacked
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
    expressions = [Expression.parse(text) for text in candidates]
    start = [initial_weights(spec, expression) for expression in expressions]
    outputs, targets = sampled_outputs(problem.model, problem.data, spec.seed)
    grads = output_gradients(weighted(expressions, start), outputs, targets)
    outcomes = [Outcome("no gradient")] * len(expressions)
    keep = (grads != 0).flatten(1).any(1).nonzero().flatten().tolist()
    if keep:
        found = _assess_trees(
            spec, problem, [expressions[i] for i in keep], [start[i] for i in keep]
        )
        for place, outcome in zip(keep, found, strict=True):
            outcomes[place] = outcome
    return outcomes


def initial_weights(spec: SearchSpec, expression: Expression) -> Tensor:
    """Ones, with EvoMAL's noise unless the weights are to stay ones."""
    weights = torch.ones(expression.n_edges)
    if spec.method == "gp":
        return weights
    stream = int(sha256(str(expression).encode())[:8], 16)
    noise = torch.randn(len(weights), generator=generator(spec.seed, stream))
    return weights + INITIAL_SPREAD * noise


def _assess_trees(
    spec: SearchSpec, problem: Problem, expressions: list[Expression], weights: list[Tensor]
) -> list[Outcome]:
    model, data = problem.model, problem.data
    if spec.method == "evomal":
        weights = tune(
            expressions,
            weights,
            model,
            data,
            spec.recipe,
            spec.local_steps,
            spec.local_lr,
            spec.seed,
        )
    outputs, targets = sampled_outputs(model, data, spec.seed)
    losses = weighted(expressions, weights)
    good = improves(losses, outputs, targets, spec.protocol_steps, spec.protocol_lr).tolist()
    fitness = _fitness(spec, problem, [loss for loss, ok in zip(losses, good, strict=True) if ok])
    return [
        _outcome(fitness.pop(0) if ok else None, own) for own, ok in zip(weights, good, strict=True)
    ]


def _assess_taylor(spec: SearchSpec, problem: Problem, coefficients: list[Tensor]) -> list[Outcome]:
    def loss(own: Tensor) -> PairLoss:
        return lambda prediction, target: taylor_loss(own, prediction, target)

    fitness = _fitness(spec, problem, [loss(own) for own in coefficients])
    return [_outcome(f, own) for f, own in zip(fitness, coefficients, strict=True)]


def _fitness(spec: SearchSpec, problem: Problem, losses: list[PairLoss]) -> list[float]:
    """Validation error after a short training; inf where the loss was ever not finite."""
    if not losses:
        return []
    params, alive = train_stacked(problem.model, problem.data, losses, spec.recipe, spec.seed)
    found = stacked_errors(problem.model, params, problem.data.val)
    return found.where(alive & found.isfinite(), math.inf).tolist()


def _outcome(fitness: float | None, weights: Tensor) -> Outcome:
    if not weights.isfinite().all():
        return Outcome("not finite")
    own = tuple(weights.tolist())
    if fitness is None:
        return Outcome("rejected", weights=own)
    return Outcome("kept" if math.isfinite(fitness) else "not finite", fitness, own)
