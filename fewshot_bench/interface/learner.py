"""MAML around any module: a learner for this suite's training, or for a loop of one's own."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fewshot_bench.data.loader import Episode
from fewshot_bench.inner.make import make_head, make_loss, make_optimizer
from fewshot_bench.inner.unroll import Order
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import Adapted, moving
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.module import module_backbone
from fewshot_bench.nn.norm import NormMode, NormPolicy, blend
from fewshot_bench.nn.params import Params, trainable


@dataclass(frozen=True, eq=False)
class AdaptedModel:
    """A learner after its inner steps on one episode: images to logits.

    Attributes:
        learner: what adapted.
        params: all parameters of the task, the adapted ones among them; the graph leads back to
            the learner's parameters where it adapted in training.
    """

    learner: GradientLearner
    params: Params

    def __call__(self, images: Tensor) -> Tensor:
        """(B, C, H, W) to logits (B, n_way)."""
        mode = NormMode(training=self.learner.bn == "batch")
        return self.learner.logits(self.params, images, mode)


class ModuleLearner:
    """A module with a head, an inner optimiser and an inner loss: the MAML family around it.

    The module itself is never changed; the learner has parameters of its own, which begin as the
    module's. They are made when the first episode, or data, tell the shape of the images.

    Args:
        module: images to features.
        head: registered name; heads with weights for each class need ``n_way``.
        optimizer: registered name of the inner optimiser.
        loss: registered name, or a loss file, of what the inner loop minimises.
        adapt: what moves inside: ``all``, ``head`` or ``body``.
        steps: inner steps in training.
        test_steps: inner steps at test; None for the same.
        lr: inner learning rate.
        order: 2 through the inner gradients, 1 takes them as constants.
        bn: policy of batch normalisation inside the module, ``batch`` or ``running``.
        n_way: classes of an episode, for heads that are made for one number.
        seed: of what the head learns first.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        head: str = "linear",
        optimizer: str = "sgd",
        loss: str = "cross_entropy",
        adapt: Adapted = "all",
        steps: int = 5,
        test_steps: int | None = None,
        lr: float = 0.01,
        order: Order = 2,
        bn: NormPolicy = "batch",
        n_way: int = 5,
        seed: int = 0,
    ) -> None:
        self.module, self.seed = module, seed
        self.options: Mapping[str, Any] = {
            "head": head,
            "optimizer": optimizer,
            "loss": loss,
            "adapt": adapt,
            "steps": steps,
            "test_steps": steps if test_steps is None else test_steps,
            "lr": lr,
            "order": order,
            "bn": bn,
            "n_way": n_way,
        }
        self._params: Params | None = None
        self.method = functools.lru_cache(maxsize=1)(self._method)

    def _method(self, image: ImageShape) -> GradientLearner:
        """The method for images of this shape."""
        o = self.options
        embedding = module_backbone(self.module, image, o["bn"])
        known = {
            "lr": o["lr"],
            "n_steps": o["steps"],
            "convolutions": embedding.named("convolution"),
        }
        return GradientLearner(
            embedding=embedding,
            n_way=o["n_way"],
            optimizer=make_optimizer(o["optimizer"], known),
            loss=make_loss(o["loss"]),
            head=make_head(o["head"], embedding.feature_dim),
            adapt=moving(o["adapt"], embedding),
            steps=o["steps"],
            test_steps=o["test_steps"],
            order=o["order"],
            bn=o["bn"],
            maps=False,  # a stranger's layers may look at values
        )

    def params(self, image: ImageShape) -> Params:
        """All parameters and buffers; those that are learned ask for gradients."""
        if self._params is None:
            fresh = self.method(image).init(torch.Generator().manual_seed(self.seed))
            for value in trainable(fresh).values():
                value.requires_grad_()
            self._params = fresh
        return self._params

    def parameters(self, episode: Episode) -> Iterator[Tensor]:
        """What an outer optimiser of one's own moves."""
        return iter(trainable(self.params(shape_of(episode))).values())

    def loss(self, episode: Episode) -> Tensor:
        """Cross-entropy of the queries after adaptation, differentiable in the parameters.

        Running averages, if the policy has them, move as in any training step.
        """
        image = shape_of(episode)
        params = self.params(image)
        objective = self.method(image).episode_loss(params, episode)
        blend(params, objective.statistics)
        return objective.loss

    def adapt(self, episode: Episode, *, training: bool = True) -> AdaptedModel:
        """The model after inner steps on the support set.

        Args:
            episode: query labels are not looked at.
            training: with the graph of the inner steps; at test without, and ``test_steps`` many.
        """
        image = shape_of(episode)
        method, params = self.method(image), self.params(image)
        task = method.task(params, episode, training=training)
        steps, order = (method.steps, method.order) if training else (method.test_steps, 0)
        return AdaptedModel(method, task.params | task.adapted(steps, order))

    def accuracy(self, episode: Episode) -> float:
        """Share of correct queries of one episode, in [0, 1]."""
        image = shape_of(episode)
        logits = self.method(image).predict(self.params(image), episode)
        return float((logits.argmax(dim=1) == episode.targets).float().mean())

    def state_dict(self) -> Params:
        """The parameters; {} before the first episode."""
        return {name: value.detach().clone() for name, value in (self._params or {}).items()}

    def load_state_dict(self, state: Params) -> None:
        """Go on with these parameters."""
        copies = {name: value.detach().clone() for name, value in state.items()}
        for value in trainable(copies).values():
            value.requires_grad_()
        self._params = copies


def shape_of(episode: Episode) -> ImageShape:
    """Shape of an episode's images."""
    return ImageShape(episode.support.shape[1], episode.support.shape[-1])
