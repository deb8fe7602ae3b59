"""MeTAL's inner loss: cross-entropy and two networks that the state of the task adapts.

Baik, Choi, Kim, Cho, Min, Lee: Meta-Learning with Task-Adaptive Loss Function for Few-Shot
Learning, 2021, arXiv 2110.03909. A row per instance enters each network, in -> in -> 1:

* support: mean of each moving tensor, cross-entropy of the support set, logits, one-hot label;
* query: mean of each moving tensor, logits, negative entropy of the prediction; no label.

The rows of one network are standardised as one matrix, so the queries of an episode share its mean
and deviation. Every inner step has networks of its own. An adapter, in -> in -> 2 numbers for each
tensor of the network, scales and shifts the tensors:

    phi <- (1 + gate * scale) phi + gate' * shift

As in the released code, the adapter of the query network sees the mean row, that of the support
network only what all rows share, the means and the cross-entropy, standardised by themselves. What
an adapter makes of the last bias depends on the task's parameters, so it has a gradient. The bias
itself is not stored: it and the gate of its scale start at 0, and neither has a gradient while the
other is 0, so both stay there.

Gates start at 0, and so do the last layers, so that training starts as MAML; the released code
starts those at random. Networks know classes by their number, as in the paper.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params, kaiming_normal, merge

Term: TypeAlias = Literal["support", "query"]
TENSORS = ("hidden.weight", "hidden.bias", "out.weight")  # of a network; its adapter moves them
N_MOVED = len(TENSORS) + 1  # and the last bias
EPS = 1e-12


@dataclass(frozen=True)
class TaskAdaptiveLoss(InnerLoss):
    """Cross-entropy of the support set plus the mean outputs of both networks.

    Attributes:
        n_way: classes of a task.
        n_tensors: how many tensors the inner loop moves.
        n_steps: networks of each kind; later inner steps use the last.
    """

    n_way: int
    n_tensors: int
    n_steps: int = 5

    transductive: ClassVar[bool] = True
    fixes_ways: ClassVar[bool] = True

    def init(self, generator: torch.Generator) -> Params:
        """``loss.<term>.*`` with a row for each inner step."""
        sizes: dict[Term, int] = {
            "support": self.n_tensors + 1 + 2 * self.n_way,
            "query": self.n_tensors + self.n_way + 1,
        }
        return merge(self._init_network(term, n, generator) for term, n in sizes.items())

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar in nats."""
        if view.query_logits is None:
            raise ValueError("MeTAL's loss needs query logits")
        loss = F.cross_entropy(view.support_logits, view.support_labels)
        # By name, so that it does not matter in which order a checkpoint holds them.
        means = torch.stack([view.adapted[name].mean() for name in sorted(view.adapted)])
        labels = one_hot(view.support_labels, self.n_way, loss.dtype)
        log_p = view.query_logits.log_softmax(dim=1)
        entropy = (log_p.exp() * log_p).sum(dim=1, keepdim=True)
        state = torch.cat([means, loss.view(1)])
        support = _rows(state, view.support_logits, labels)
        query = _rows(means, view.query_logits, entropy)
        row = min(view.step, self.n_steps - 1)
        judged = _network(phi, "support", row, support, _standardised(state))
        return loss + judged + _network(phi, "query", row, query, query.mean(dim=0))

    def _init_network(self, term: Term, n: int, generator: torch.Generator) -> Params:
        steps, place, moved = self.n_steps, f"loss.{term}", 2 * N_MOVED
        told = self.n_tensors + 1 if term == "support" else n

        def layer(out: int, inputs: int, gain: float) -> Tensor:
            rows = [kaiming_normal((out, inputs), generator, gain) for _ in range(steps)]
            return torch.stack(rows)

        return {
            f"{place}.hidden.weight": layer(n, n, 2.0),
            f"{place}.hidden.bias": torch.zeros(steps, n),
            f"{place}.out.weight": torch.zeros(steps, 1, n),
            f"{place}.adapter.hidden.weight": layer(told, told, 2.0),
            f"{place}.adapter.hidden.bias": torch.zeros(steps, told),
            f"{place}.adapter.out.weight": layer(moved, told, 1.0),
            f"{place}.adapter.out.bias": torch.zeros(steps, moved),
            f"{place}.gate": torch.zeros(steps, moved),
        }


def _rows(state: Tensor, *instances: Tensor) -> Tensor:
    """The task's state (K,) in front of what is known of each instance, standardised (B, in)."""
    shared = state.expand(len(instances[0]), -1)
    rows = torch.cat([shared, *instances], dim=1)
    return _standardised(rows)


def _standardised(x: Tensor) -> Tensor:
    """Mean 0 and deviation 1 over all numbers."""
    return (x - x.mean()) / (x.std() + EPS)


def _network(phi: Params, term: Term, row: int, x: Tensor, told: Tensor) -> Tensor:
    """Mean output for rows (B, in); ``told`` is what its adapter sees."""
    place = f"loss.{term}"

    def at(name: str) -> Tensor:
        return phi[f"{place}.{name}"][row]

    seen = F.relu(F.linear(told, at("adapter.hidden.weight"), at("adapter.hidden.bias")))
    made = at("gate") * F.linear(seen, at("adapter.out.weight"), at("adapter.out.bias"))
    scales, shifts = made.chunk(2)
    weight, bias, out_weight = (
        (1 + scale) * at(name) + shift
        for name, scale, shift in zip(TENSORS, scales[:-1], shifts[:-1], strict=True)
    )
    out_bias = shifts[-1:]
    return F.linear(F.relu(F.linear(x, weight, bias)), out_weight, out_bias).mean()
