"""The learner behind the whole MAML family: a start, a step rule and a loss.

    GradientLearner(backbone, adapt=<which parameters move>, optimizer=<InnerOptimizer>,
                    loss=<InnerLoss>, steps=5, order=2)

Stages in front of the first one that moves do not change while a task is learned; they run once
per episode, with their graph, so their meta-gradient stays exact.
"""

import collections
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.inner.losses.cross_entropy import CrossEntropy
from fewshot_bench.inner.protocols import (
    InnerLoss,
    InnerOptimizer,
    TaskView,
    fixes_ways,
    needs_draws,
    sees_queries,
)
from fewshot_bench.inner.unroll import Order, unroll
from fewshot_bench.methods.base import FewShotMethod, Setting
from fewshot_bench.methods.relation import Relation
from fewshot_bench.nn.backbone import Backbone
from fewshot_bench.nn.heads import HEAD, Head, LinearHead, linear
from fewshot_bench.nn.norm import Moments, NormMode, NormPolicy
from fewshot_bench.nn.params import Params, merge, subset, trainable


def everything(name: str) -> bool:  # noqa: ARG001
    """Every parameter of backbone and head moves in the inner loop (MAML)."""
    return True


def nothing(params: Params) -> Params:  # noqa: ARG001
    """A task has no parameters that are not learned across tasks."""
    return {}


@dataclass(frozen=True)
class GradientLearner:
    """Adapts by gradient steps on the support set.

    Attributes:
        backbone: images to features; a linear head follows.
        n_way: classes of a test episode.
        optimizer: how a gradient becomes a step.
        loss: what adaptation minimises.
        head: how the head of a task begins.
        adapt: tells by name which parameters of backbone and head move.
        fresh: parameters that every task begins anew, made from the learned ones.
        steps: inner steps in training.
        test_steps: inner steps at test.
        order: 2 through the inner gradients, 1 treats them as constants.
        bn: policy of the normalisation of the blocks that tasks adapt.
        trunk: number of leading blocks that the outer loop leaves as pre-training made them. Their
            normalisation uses running averages in training, too.
        relation: tells the loss how alike queries and classes are; None where it need not know.
        mixes_queries: whether layers share a modulation among the queries of an episode.
        query_weights: of the query loss after each inner step, (steps,); None counts the last only.
        light: whether inner steps are so short that a CPU is busy with calls, not numbers.
    """

    backbone: Backbone
    n_way: int
    optimizer: InnerOptimizer
    loss: InnerLoss = field(default_factory=CrossEntropy)
    head: Head = field(default_factory=LinearHead)
    adapt: Callable[[str], bool] = everything
    fresh: Callable[[Params], Params] = nothing
    steps: int = 5
    test_steps: int = 10
    order: Order = 2
    bn: NormPolicy = "batch"
    trunk: int = 0
    relation: Relation | None = None
    mixes_queries: bool = False
    query_weights: tuple[float, ...] | None = None
    light: bool = False

    @property
    def setting(self) -> Setting:
        """Batch statistics over the queries let one query's prediction see the others."""
        if sees_queries(self.loss) or self.mixes_queries:
            return "transductive"
        return "transductive_bn" if self.bn == "batch" else "inductive"

    @property
    def maps(self) -> bool:
        """Whether a map over tasks can run an episode.

        Not if its optimiser draws for each task; nor with running averages, since what inner steps
        see can't leave the transforms inside a map.
        """
        return self.bn in ("batch", "support") and not needs_draws(self.optimizer)

    @property
    def ways(self) -> int | None:
        """Classes of every episode, in training too; None where any number will do."""
        fixed = not self.head.any_way or fixes_ways(self.loss)
        return self.n_way if fixed else None

    @property
    def relation_network(self) -> FewShotMethod | None:
        """What has to be trained before."""
        return None if self.relation is None else self.relation.network

    def frozen(self, name: str) -> bool:
        """Whether the outer loop leaves a parameter alone."""
        trunk = tuple(f"{stage.name}." for stage in self.backbone.stages[: self.trunk])
        return name.startswith((*trunk, "relation."))

    def init(self, generator: torch.Generator) -> Params:
        """Initial weights of backbone and head, and the meta-parameters of optimiser and loss."""
        head = self.head.init(self.backbone.feature_dim, self.n_way, generator)
        learned = merge([self.backbone.init(generator), head])
        omega = self.optimizer.init(self.start(learned, self.n_way), generator)
        relation = self.relation.init(generator) if self.relation is not None else {}
        return merge([learned, omega, self.loss.init(generator), relation])

    def episode_loss(self, params: Params, episode: Episode) -> tuple[Tensor, Params]:
        """Cross-entropy of the queries after adaptation."""
        task = _Task(self, params, episode, NormMode(training=True))
        losses = [
            weight * F.cross_entropy(task.query_logits(adapted, done), episode.targets)
            for done, adapted in enumerate(task.path(self.steps, self.order))
            if (weight := self._query_weight(done))
        ]
        return torch.stack(losses).sum(), task.mode.seen

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Query logits (Q, n_way) after ``test_steps`` inner steps."""
        with torch.no_grad():
            task = _Task(self, params, episode, NormMode(training=False))
            adapted = _last(task.path(self.test_steps, order=0))
            return task.query_logits(adapted, self.test_steps)

    def path(self, params: Params, episode: Episode, *, training: bool = True) -> Iterator[Params]:
        """The moving parameters before the first inner step and after each.

        With their graph in training; at test without, and after another number of steps.
        """
        task = _Task(self, params, episode, NormMode(training))
        return task.path(self.steps, self.order) if training else task.path(self.test_steps, 0)

    def adapted(self, params: Params, episode: Episode, *, training: bool = True) -> Params:
        """The last of :meth:`path`."""
        return _last(self.path(params, episode, training=training))

    def start(self, params: Params, n_way: int) -> Params:
        """The moving parameters before the first inner step of a task with ``n_way`` classes."""
        return self.moving(self.begin(params, n_way))

    @property
    def n_tensors(self) -> int:
        """How many tensors a task moves, for losses that look at each."""
        return len(self.start(self.init(torch.Generator()), self.n_way))

    def begin(self, params: Params, n_way: int) -> Params:
        """All parameters of a task before its first inner step: learned ones, head and fresh ones.

        Raises:
            ConfigError: the head is for another number of classes.
        """
        return params | self.head.begin(params, n_way) | self.fresh(params)

    def moving(self, params: Params) -> Params:
        """What the inner loop moves among the parameters of a task."""
        parts = (subset(params, prefix) for prefix in ("backbone", "film", HEAD))
        weights = trainable(merge(parts))
        return {name: value for name, value in weights.items() if self.adapt(name)}

    def logits(self, params: Params, x: Tensor, mode: NormMode, first: int = 0) -> Tensor:
        """Logits of images, or of the activations that enter stage ``first``.

        ``params`` holds the task's own parameters beside the learned ones.
        """
        return linear(params, HEAD, self.backbone(params, x, mode, first=first))

    def _query_weight(self, done: int) -> float:
        if self.query_weights is None or not self.steps:
            return float(done == self.steps)
        return self.query_weights[done - 1] if done else 0.0


class _Task:
    """An episode as a learner sees it, with what stays the same over all inner steps."""

    def __init__(
        self, learner: GradientLearner, params: Params, episode: Episode, mode: NormMode
    ) -> None:
        self.learner, self.episode, self.mode = learner, episode, mode
        self.params = learner.begin(params, episode.n_way)
        self.start = learner.moving(self.params)
        self.first = self._first_moving_stage()
        support, query = self._modes(step=0)
        self.support = self._prefix(episode.support, support)
        self.query = self._prefix(episode.query, query)
        self.phi = subset(params, "loss")
        self.relation = self._relation()

    def path(self, n_steps: int, order: Order) -> Iterator[Params]:
        """The moving parameters before the first step and after each."""
        drawn = needs_draws(self.learner.optimizer)
        yield self.start
        yield from unroll(
            self._objective,
            self.start,
            self.learner.optimizer,
            subset(self.params, "optimizer"),
            n_steps=n_steps,
            order=order,
            generator=self.episode.generator() if drawn else None,
        )

    def query_logits(self, adapted: Params, done: int) -> Tensor:
        """Logits after ``done`` steps, normalised as the support set was in the last of them."""
        support, query = self._modes(max(done - 1, 0))
        if query.given is not None:
            self._logits(adapted, self.support, support)  # for its statistics
        return self._logits(adapted, self.query, query)

    def _objective(self, adapted: Params, step: int) -> Tensor:
        support, query = self._modes(step)
        logits = self._logits(adapted, self.support, support)
        ours = self.learner.loss
        seen = sees_queries(ours, step)
        others = self._logits(adapted, self.query, query) if seen else None
        labels = self.episode.support_labels
        return ours(self.phi, TaskView(logits, labels, adapted, step, others, self.relation))

    def _modes(self, step: int) -> tuple[NormMode, NormMode]:
        """How layers normalise the support set and then the queries in one inner step."""
        mode = dataclasses.replace(self.mode, step=step)  # shares what it has seen
        if self.learner.bn != "support":
            return mode, mode
        kept: Moments = {}
        return dataclasses.replace(mode, kept=kept), dataclasses.replace(mode, given=kept)

    def _logits(self, adapted: Params, x: Tensor, mode: NormMode) -> Tensor:
        return self.learner.logits(self.params | adapted, x, mode, self.first)

    def _prefix(self, images: Tensor, mode: NormMode) -> Tensor:
        """Activations that enter the first moving stage."""
        backbone, trunk = self.learner.backbone, self.learner.trunk
        x = backbone(self.params, images, NormMode(training=False), last=trunk)
        return backbone(self.params, x, mode, first=trunk, last=self.first)

    def _relation(self) -> Tensor | None:
        relation = self.learner.relation
        if relation is None:
            return None
        with torch.no_grad():
            modes = zip((self.support, self.query), self._modes(step=0), strict=True)
            backbone = self.learner.backbone
            features = [backbone(self.params, x, mode, first=self.first) for x, mode in modes]
            return relation(self.params, self.episode, features[0], features[1])

    def _first_moving_stage(self) -> int:
        stages = self.learner.backbone.stages
        prefixes = [(f"{stage.name}.", f"film.{stage.name}.") for stage in stages]
        moving = (i for i, p in enumerate(prefixes) if any(n.startswith(p) for n in self.start))
        return next(moving, len(stages))


def _last(path: Iterator[Params]) -> Params:
    return collections.deque(path, maxlen=1)[0]
