"""What candidates are worth: a cheap test, local search, rejection, then a short training.

Candidates of a generation go through each stage together, in stacks that are made anew from
those that are left, since a stack of two networks takes hardly less time than one of six.
"""

import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from fewshot_bench.files import sha256
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.symbolic import INITIAL_SPREAD
from fewshot_bench.inner.losses.taylor import taylor_loss
from fewshot_bench.search.gradients import FunctionLosses, Losses, PairLoss, TreeLosses
from fewshot_bench.search.local_search import tune
from fewshot_bench.search.rejection import improves, output_gradients, sampled_outputs
from fewshot_bench.search.spec import Outcome, SearchSpec, Verdict, open_problem
from fewshot_bench.search.stacked import stacked_errors, train_stacked
from fewshot_bench.search.workers import Map
from fewshot_bench.supervised.train import generator

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Tree:
    """A candidate on its way.

    Attributes:
        text: its expression.
        weights: of its edges.
        verdict: why it is given up; None as long as it is not.
    """

    text: str
    weights: tuple[float, ...]
    verdict: Verdict | None = None


def assess(spec: SearchSpec, candidates: Sequence[str], mapped: Map = map) -> list[Outcome]:
    """Outcomes of candidates.

    All of them start from the same networks and see the same batches, which follow from the
    search's seed; the noise on a tree's first weights follows from the seed and the tree.

    Args:
        spec: the search.
        candidates: expressions, or for TaylorGLO JSON lists of coefficients.
        mapped: computes stacks of candidates, in other processes perhaps.
    """
    if spec.method == "taylorglo":
        points = [tuple(map(float, json.loads(candidate))) for candidate in candidates]
        fitness = _in_stacks(spec, mapped, functools.partial(fitness_of_taylor, spec), points)
        return [_outcome(f, own) for f, own in zip(fitness, points, strict=True)]
    trees = [Tree(text, initial_weights(spec, Expression.parse(text))) for text in candidates]
    for stage in _stages(spec):
        alive = [tree for tree in trees if tree.verdict is None]
        done = iter(_in_stacks(spec, mapped, functools.partial(stage, spec), alive))
        trees = [next(done) if tree.verdict is None else tree for tree in trees]
    alive = [tree for tree in trees if tree.verdict is None]
    found = iter(_in_stacks(spec, mapped, functools.partial(fitness_of_trees, spec), alive))
    return [Outcome(t.verdict) if t.verdict else _outcome(next(found), t.weights) for t in trees]


def _stages(spec: SearchSpec) -> tuple[Callable[[SearchSpec, list[Tree]], list[Tree]], ...]:
    if spec.method == "gp":
        return teaching, accepted
    return (
        (teaching, learned, accepted) if spec.reject == "after" else (teaching, accepted, learned)
    )


def _in_stacks(
    spec: SearchSpec, mapped: Map, stage: Callable[[list[A]], list[B]], items: list[A]
) -> list[B]:
    """Results of a stage for each item."""
    stacks = open_problem(spec).stacks(items)
    results = list(mapped(stage, stacks))
    return [results[i % len(stacks)][i // len(stacks)] for i in range(len(items))]


def teaching(spec: SearchSpec, trees: list[Tree]) -> list[Tree]:
    """Give up those without any gradient at the outputs of an untrained network."""
    grads = output_gradients(_losses(trees), *_sampled(spec))
    return _give_up(trees, (grads != 0).flatten(1).any(1), "no gradient")


def learned(spec: SearchSpec, trees: list[Tree]) -> list[Tree]:
    """With weights from local search."""
    problem = open_problem(spec)
    found = tune(
        [Expression.parse(tree.text) for tree in trees],
        [torch.tensor(tree.weights) for tree in trees],
        problem.model,
        problem.data,
        spec.recipe,
        spec.local_steps,
        spec.local_lr,
        spec.training_seed,
    )
    better = [replace(t, weights=tuple(w.tolist())) for t, w in zip(trees, found, strict=True)]
    finite = torch.stack([weights.isfinite().all() for weights in found])
    return _give_up(better, finite, "not finite")


def accepted(spec: SearchSpec, trees: list[Tree]) -> list[Tree]:
    """Give up those that the rejection protocol rejects."""
    good = improves(_losses(trees), *_sampled(spec), spec.protocol_steps, spec.protocol_lr)
    return _give_up(trees, good, "rejected")


def fitness_of_trees(spec: SearchSpec, trees: list[Tree]) -> list[float]:
    """Validation error after a short training; inf where the loss was ever not finite."""
    return _fitness(spec, _losses(trees))


def fitness_of_taylor(spec: SearchSpec, points: list[tuple[float, ...]]) -> list[float]:
    """As :func:`fitness_of_trees`, for the coefficients of TaylorGLO's polynomial."""

    def loss(own: Tensor) -> PairLoss:
        return lambda prediction, target: taylor_loss(own, prediction, target)

    return _fitness(spec, FunctionLosses([loss(torch.tensor(point)) for point in points]))


def initial_weights(spec: SearchSpec, expression: Expression) -> tuple[float, ...]:
    """Ones, with EvoMAL's noise unless the weights are to stay ones."""
    weights = torch.ones(expression.n_edges)
    if spec.method == "evomal":
        stream = int(sha256(str(expression).encode())[:8], 16)
        noise = torch.randn(len(weights), generator=generator(spec.training_seed, stream))
        weights += INITIAL_SPREAD * noise
    return tuple(weights.tolist())


def _losses(trees: Sequence[Tree]) -> TreeLosses:
    return TreeLosses([Expression.parse(t.text) for t in trees], [t.weights for t in trees])


@functools.lru_cache(maxsize=1)
def _sampled(spec: SearchSpec) -> tuple[Tensor, Tensor]:
    problem = open_problem(spec)
    return sampled_outputs(problem.model, problem.data, spec.training_seed)


def _give_up(trees: Sequence[Tree], good: Tensor, verdict: Verdict) -> list[Tree]:
    pairs = zip(trees, good.tolist(), strict=True)
    return [tree if fine else replace(tree, verdict=verdict) for tree, fine in pairs]


def _fitness(spec: SearchSpec, losses: Losses) -> list[float]:
    problem, seed = open_problem(spec), spec.training_seed
    params, alive = train_stacked(problem.model, problem.data, losses, spec.recipe, seed)
    found = stacked_errors(problem.model, params, problem.data.val)
    return found.where(alive & found.isfinite(), math.inf).tolist()


def _outcome(fitness: float, weights: tuple[float, ...]) -> Outcome:
    verdict: Verdict = "kept" if math.isfinite(fitness) else "not finite"
    return Outcome(verdict, fitness, weights)
