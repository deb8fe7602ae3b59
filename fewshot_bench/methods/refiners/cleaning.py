"""Iterative label cleaning: the cleanest pseudo-labels join the support, round by round.

Lazarou, Stathaki, Avrithis: Iterative label cleaning for transductive and semi-supervised few-shot
learning, 2020, arXiv 2012.07962 (iLPC); with the transform ``ilpc``.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from fewshot_bench.methods.options import Count, Rate, Steps
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.refiners.couplings import sinkhorn
from fewshot_bench.methods.refiners.loop import log_of
from fewshot_bench.methods.refiners.propagation import cubic_graph, propagate
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import largest, unit
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params


@torch.no_grad()
def training_losses(items: Tensor, y: Tensor, start: Tensor, steps: int) -> Tensor:
    """Mean over training of each item's cross-entropy, for a linear classifier (..., n).

    Gradient descent on the mean loss with rate 0.1, momentum 0.9 and weight decay 5e-4. Every step
    is linear in the items, so the logits follow from inner products of items alone, and the
    weights are never formed.

    Args:
        items: (..., n, D).
        y: (..., n, N) one-hot.
        start: (..., N, D) first weights.
        steps: how many.
    """
    logits, labels = start @ items.mT, y.mT  # classes first: items are contiguous in memory then
    speed, total = torch.zeros_like(logits), torch.zeros_like(logits)
    kernel = (items @ items.mT) / items.shape[-2]
    for _ in range(steps):
        log_p = logits.log_softmax(dim=-2)
        total += log_p
        pull = log_p.exp_().sub_(labels) @ kernel
        speed.mul_(0.9).add_(pull).add_(logits, alpha=5e-4)
        logits.sub_(speed, alpha=0.1)
    return -(labels * total).sum(dim=-2) / max(steps, 1)


def cleanest(losses: Tensor, guess: Tensor, count: int) -> Tensor:
    """The items (..., Q, 1) with the smallest losses of their class, and what equals them.

    Args:
        losses: (..., Q).
        guess: (..., Q, N) one-hot; an item without a class is none of them.
        count: how many of each class.
    """
    member = guess.mT > 0
    scores = (-losses).unsqueeze(-2).masked_fill(~member, -torch.inf)
    return (largest(scores, count) & member).any(dim=-2).unsqueeze(-1)


@dataclass(frozen=True)
class LabelCleaning(Refiner):
    """Propagate labels, balance them, and move the queries that are easiest to fit to the support.

    Supposes that all classes have the same number of queries, as the published method is told.

    Attributes:
        neighbours: edges that each item keeps in the graph.
        alpha: how far labels flow.
        power: exponent of the propagated shares before they are balanced.
        moved: queries of each class that move in one round.
        steps: of the classifier whose losses rank the queries; this is where the time goes.
    """

    neighbours: Count = 15
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.8
    power: Rate = 3.0
    moved: Count = 3
    steps: Steps = 1000

    @property
    def told_counts(self) -> bool:
        """It balances the classes."""
        return True

    @torch.no_grad()
    def __call__(self, params: Params, sets: Sets, logits: Tensor) -> Tensor:  # noqa: ARG002
        """(..., Q, N), of each query as it was when it moved; no gradient."""
        items, own = unit(sets.items), sets.y
        graph = cubic_graph(items, self.neighbours)
        labels = items.new_zeros(*sets.query.shape[:-1], sets.n_way)
        result, left = labels, torch.ones_like(labels[..., :1], dtype=torch.bool)
        for _ in range(sets.n_query):
            known = torch.cat([own, labels], dim=-2)
            log_shares = self.balanced(graph, known, labels, left)
            guess = left * one_hot(log_shares.argmax(dim=-1), sets.n_way, items.dtype)
            full = torch.cat([own, labels + guess], dim=-2)
            means = (known.mT @ items) / known.sum(dim=-2).unsqueeze(-1)
            losses = training_losses(items, full, means, self.steps)[..., -sets.n_query :]
            now = cleanest(losses, guess, self.moved)
            labels, left = labels + guess * now, left & ~now
            result = torch.where(now, log_shares, result)
            if not left.any():
                break
        return result

    def balanced(self, graph: Tensor, known: Tensor, labels: Tensor, left: Tensor) -> Tensor:
        """Log-assignments (..., Q, N) of the queries that are left, as many of each class as are.

        Args:
            graph: (..., S + Q, S + Q).
            known: (..., S + Q, N), labels of the support and of moved queries.
            labels: (..., Q, N), of moved queries.
            left: bool (..., Q, 1).
        """
        queries, n_way = labels.shape[-2:]
        shares = propagate(graph, known, self.alpha)[..., -queries:, :]
        counted = left | ~left.any(dim=-2, keepdim=True)  # an episode that is done counts anew
        columns = queries / n_way - labels.double().sum(dim=-2, keepdim=True)
        columns = columns.clamp(min=1e-6)
        columns = columns * (counted.sum(dim=-2, keepdim=True) / columns.sum(dim=-1, keepdim=True))
        return sinkhorn(self.power * log_of(shares), columns, counted)
