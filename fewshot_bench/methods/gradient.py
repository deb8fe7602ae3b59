"""The learner behind the whole MAML family: a start, a step rule and a loss.

    GradientLearner(embedding, n_way, head, adapt=<which parameters move>,
                    optimizer=<InnerOptimizer>, loss=<InnerLoss>, steps=5, order=2)

The identity setting of every part is MAML (Finn et al. 2017, arXiv 1703.03400).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.loader import Episode
from fewshot_bench.inner.losses.cross_entropy import CrossEntropy
from fewshot_bench.inner.protocols import InnerLoss, InnerOptimizer
from fewshot_bench.inner.unroll import Order
from fewshot_bench.methods.base import FewShotMethod, Objective, Setting, Traits
from fewshot_bench.methods.task import Task
from fewshot_bench.methods.trunk import Trunk
from fewshot_bench.nn.backbone import Backbone
from fewshot_bench.nn.heads import HEAD, Head, LinearHead
from fewshot_bench.nn.norm import BY_BATCH, NormMode, NormPolicy
from fewshot_bench.nn.params import Params, merge, subset, trainable


def everything(name: str) -> bool:  # noqa: ARG001
    """Every parameter of embedding and head moves in the inner loop (MAML)."""
    return True


@dataclass(frozen=True)
class GradientLearner(FewShotMethod):
    """Adapts by gradient steps on the support set.

    Attributes:
        embedding: images to features. Its frozen stages stay as they were given.
        n_way: classes of a test episode.
        optimizer: how a gradient becomes a step.
        loss: what adaptation minimises.
        head: features to logits, and where it begins in a task.
        adapt: tells by name which parameters of embedding and head move.
        steps: inner steps in training.
        test_steps: inner steps at test.
        order: 2 through the inner gradients, 1 takes them as constants.
        bn: policy of the normalisation of the stages that tasks adapt.
        small_inner_step: whether inner steps are so short that a CPU is busy with calls; a map over
            tasks does not pay all the same where it has frozen stages to run.
        maps: whether its layers allow a map over tasks.
        passed: leading stages that images have passed before they come here, see :meth:`trunk`.
    """

    embedding: Backbone
    n_way: int
    optimizer: InnerOptimizer
    loss: InnerLoss = field(default_factory=CrossEntropy)
    head: Head = field(default_factory=LinearHead)
    adapt: Callable[[str], bool] = everything
    steps: int = 5
    test_steps: int = 10
    order: Order = 2
    bn: NormPolicy = "batch"
    small_inner_step: bool = False
    maps: bool = True
    passed: int = 0

    @property
    def traits(self) -> Traits:
        """Follow from the parts.

        A map over tasks can't run an optimiser that draws for each task; nor running averages,
        since what inner steps see can't leave the transforms inside a map.
        """
        fixed = not self.head.any_way or self.loss.fixes_ways
        averages = self.bn in ("running", "per_step") or self.loss.keeps_averages
        return Traits(
            setting=self._setting,
            ways=self.n_way if fixed else None,
            maps=self.maps and not averages and not self.optimizer.draws,
            small_inner_step=self.small_inner_step and self.embedding.frozen <= self.passed,
            stages=("classify",) if self.embedding.frozen else (),
        )

    @property
    def _setting(self) -> Setting:
        """Batch statistics over the queries let one query's prediction see the others."""
        if self.loss.transductive or self.embedding.mixes_queries:
            return "transductive"
        return "transductive_bn" if self.bn in BY_BATCH else "inductive"

    def frozen(self, name: str) -> bool:
        """Whether a parameter belongs to a frozen stage."""
        stages = self.embedding.stages[: self.embedding.frozen]
        return name.startswith(tuple(f"{stage.name}." for stage in stages))

    def trunk(self) -> Trunk | None:
        """The leading frozen stages that no task moves."""
        n = self._unchanged()
        if self.passed or not n:
            return None
        return Trunk(self.embedding.stages[:n], replace(self, passed=n))

    def _unchanged(self) -> int:
        params = self.init(torch.Generator())
        moved = self.first_adapted(params | self.embedding.task_params(params))
        stages = self.embedding.stages[: min(self.embedding.frozen, moved)]
        learned = (i for i, stage in enumerate(stages) if not all(map(self.frozen, stage.roles())))
        return next(learned, len(stages))

    def init(self, generator: torch.Generator) -> Params:
        """Initial weights of embedding and head, and the meta-parameters of optimiser and loss."""
        head = self.head.init(self.embedding.feature_dim, self.n_way, generator)
        learned = merge([self.embedding.init(generator), head])
        omega = self.optimizer.init(self._like_initial(learned), generator)
        return merge([learned, omega, self.loss.init(generator)])

    def episode_loss(self, params: Params, episode: Episode) -> Objective:
        """Cross-entropy of the queries after adaptation."""
        task = self.task(params, episode)
        adapted = task.adapted(self.steps, self.order)
        logits = task.query_logits(adapted, self.steps)
        return Objective(F.cross_entropy(logits, episode.targets), task.mode.seen)

    def predict(self, params: Params, episode: Episode) -> Tensor:
        """Query logits (Q, n_way) after ``test_steps`` inner steps."""
        with torch.no_grad():
            task = self.task(params, episode, training=False)
            return task.query_logits(task.adapted(self.test_steps, 0), self.test_steps)

    def task(self, params: Params, episode: Episode, *, training: bool = True) -> Task:
        """An episode ready for inner steps.

        Raises:
            ConfigError: the head is for another number of classes.
        """
        return Task(self, params, episode, training=training)

    def logits(self, params: Params, images: Tensor, mode: NormMode) -> Tensor:
        """(B, C, H, W) images to (B, n_way) logits of a head whose parameters are given."""
        features = self.embedding(params, images, mode, first=self.passed)
        return self.head.logits(params, features)

    def context(self, task: Task) -> Tensor | None:  # noqa: ARG002
        """What the loss is told of a task before the first step; None where there is nothing."""
        return None

    @property
    def n_adapted(self) -> int:
        """How many tensors a task moves, for losses that look at each."""
        head = self.head.init(self.embedding.feature_dim, self.n_way, torch.Generator())
        return len(self._like_initial(merge([self.embedding.init(torch.Generator()), head])))

    def adapted_part(self, params: Params) -> Params:
        """What the inner loop moves among all parameters of a task."""
        parts = (subset(params, prefix) for prefix in ("backbone", "film", HEAD))
        weights = trainable(merge(parts))
        return {name: value for name, value in weights.items() if self.adapt(name)}

    def first_adapted(self, params: Params) -> int:
        """Index of the first stage that the inner loop moves; the number of stages if none."""
        names = tuple(self.adapted_part(params))
        prefixes = [(f"{s.name}.", f"film.{s.name}.") for s in self.embedding.stages]
        moved = (i for i, p in enumerate(prefixes) if any(n.startswith(p) for n in names))
        return next(moved, len(prefixes))

    def _like_initial(self, learned: Params) -> Params:
        """Parameters of the shapes that a task moves; there is no task yet."""
        params = learned | self.embedding.task_params(learned)
        support = next(iter(learned.values())).new_zeros(self.n_way, self.embedding.feature_dim)
        labels = torch.arange(self.n_way)
        return self.adapted_part(params | self.head.begin(learned, support, labels, self.n_way))
