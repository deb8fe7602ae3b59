"""One episode as a gradient learner sees it: what moves, the inner steps, and the predictions."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING

import torch

from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.inner.unroll import Order, unroll
from fewshot_bench.nn.norm import Moments, NormMode
from fewshot_bench.nn.params import Params, subset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from fewshot_bench.data.loader import Episode
    from fewshot_bench.methods.gradient import GradientLearner


class Task:
    """An episode with what stays the same over all inner steps.

    Stages in front of the first one that moves do not change while a task is learned. They run
    once, with their graph, so their meta-gradient stays exact.

    Args:
        learner: what adapts.
        params: its learned parameters.
        episode: the task.
        training: whether normalisation is as in training.

    Attributes:
        initial: the task's parameters before the first inner step: what moves.
        mode: collects batch statistics.
    """

    def __init__(
        self, learner: GradientLearner, params: Params, episode: Episode, *, training: bool
    ) -> None:
        self.learner, self.episode, self.mode = learner, episode, NormMode(training)
        self.params = params | learner.embedding.task_params(params)
        self.first = learner.first_adapted(self.params)
        self._joint = learner.bn in ("joint", "joint_steps")
        self.support, self.query = self._each(self._prefix, episode.support, episode.query, step=0)
        self.params |= self._head()
        self.initial = self._initial()
        self.phi = subset(params, "loss")
        self.context = learner.context(self)

    def path(self, n_steps: int, order: Order) -> Iterator[Params]:
        """The adapted parameters before the first inner step and after each."""
        optimizer = self.learner.optimizer
        yield self.initial
        yield from unroll(
            self.support_loss,
            self.initial,
            optimizer,
            subset(self.params, "optimizer"),
            n_steps=n_steps,
            order=order,
            generator=self.episode.generator() if optimizer.draws else None,
        )

    def adapted(self, n_steps: int, order: Order) -> Params:
        """The last of :meth:`path`."""
        return collections.deque(self.path(n_steps, order), maxlen=1)[0]

    def query_logits(self, adapted: Params, done: int) -> Tensor:
        """Logits (Q, n_way) after ``done`` steps.

        The queries are normalised as the support set was in the last of these steps.
        """
        last = max(done - 1, 0)
        query = self._modes(last)[1]
        if self.learner.bn == "joint" or query.given is not None:  # the support set matters too
            return self.logits(adapted, last)[1]
        if self._joint:
            alone = self._prefix(self.episode.query, query)
            return self._logits(adapted, alone, query)
        return self._logits(adapted, self.query, query)

    def logits(self, adapted: Params, step: int) -> tuple[Tensor, Tensor]:
        """Logits of support set (S, n_way) and queries (Q, n_way), normalised as in a step."""
        return self._each(
            lambda x, mode: self._logits(adapted, x, mode), self.support, self.query, step
        )

    def features(self, adapted: Params, step: int) -> tuple[Tensor, Tensor]:
        """(S, D) and (Q, D) features of support set and queries, normalised as in a step."""
        params = self.params | adapted
        return self._each(
            lambda x, mode: self.learner.embedding(params, x, mode, first=self.first),
            self.support,
            self.query,
            step,
        )

    def initial_features(self) -> tuple[Tensor, Tensor]:
        """(S, D) and (Q, D) features of support set and queries before the first inner step."""
        return self._each(self._features, self.support, self.query, step=0)

    def _initial(self) -> Params:
        """What moves, before the first step.

        A head that begins from the support features depends on the embedding's parameters. As
        views, these are inputs of the inner loss beside the head's, so that an inner gradient
        doesn't go through the head into the embedding; the meta-gradient does.
        """
        parts = self.learner.adapted_part(self.params)
        if not self.learner.head.sees_support:
            return parts
        return {name: value.view_as(value) for name, value in parts.items()}

    def _head(self) -> Params:
        """The head's own parameters of this task."""
        head, episode = self.learner.head, self.episode
        seen = self._support_features() if head.sees_support else None
        return head.begin(self.params, seen, episode.support_labels, episode.n_way)

    def support_loss(self, adapted: Params, step: int) -> Tensor:
        """What inner step number ``step`` minimises, a scalar."""
        loss, labels = self.learner.loss, self.episode.support_labels
        others: Tensor | None = None
        if self._joint or loss.sees_queries(step):
            logits, others = self.logits(adapted, step)
        else:
            logits = self._logits(adapted, self.support, self._modes(step)[0])
        seen = others if loss.sees_queries(step) else None
        view = TaskView(logits, labels, adapted, step, seen, self.context, self.mode)
        return loss(self.phi, view)

    def _support_features(self) -> Tensor:
        """(S, D) before the first inner step."""
        if self._joint:
            return self.initial_features()[0]
        return self._features(self.support, self._modes(step=0)[0])

    def _each(
        self, run: Callable[[Tensor, NormMode], Tensor], support: Tensor, query: Tensor, step: int
    ) -> tuple[Tensor, Tensor]:
        """What a pass makes of support set and queries; as one batch where they are joint."""
        mode, query_mode = self._modes(step)
        if not self._joint:
            return run(support, mode), run(query, query_mode)
        both = run(torch.cat([support, query]), mode)
        return both[: len(support)], both[len(support) :]

    def _modes(self, step: int) -> tuple[NormMode, NormMode]:
        """How layers normalise the support set and then the queries in one inner step."""
        mode = dataclasses.replace(self.mode, step=step)  # shares what it has seen
        if self.learner.bn != "support":
            return mode, mode
        kept: Moments = {}
        return dataclasses.replace(mode, kept=kept), dataclasses.replace(mode, given=kept)

    def _logits(self, adapted: Params, x: Tensor, mode: NormMode) -> Tensor:
        params = self.params | adapted
        features = self.learner.embedding(params, x, mode, first=self.first)
        return self.learner.head.logits(params, features)

    def _features(self, x: Tensor, mode: NormMode) -> Tensor:
        return self.learner.embedding(self.params, x, mode, first=self.first)

    def _prefix(self, images: Tensor, mode: NormMode) -> Tensor:
        """Activations that enter the first adapted stage."""
        passed = self.learner.passed
        return self.learner.embedding(self.params, images, mode, first=passed, last=self.first)
