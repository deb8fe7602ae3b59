"""AdaLFL: a loss that goes on being learned while the network is trained with it.

Raymond, Chen, Xue, Zhang: Meta-Learning Adaptive Loss Functions, 2023, arXiv 2301.13247 (first
titled Online Loss Function Learning).

The loss network is initialised offline like ML3's; then, after each training step,

    theta <- theta - alpha grad_theta M_phi(y, f_theta(x))                   (training batch)
    phi   <- phi - eta grad_phi L_T(y_v, f_theta(x_v))                       (outer batch)

where the second gradient goes through the one step before it and theta is never reset. Losses that
are learned offline know only the first few steps of a training; this one follows it to its end.

Not verified from the paper, so these are settings: both learning rates of the loss (1e-3 offline
and 1e-5 online, by Adam), the leak and sharpness of its activation, and the training itself, which
is EvoMAL's. The paper has 2500 offline updates and allows training or validation batches outside;
validation is the default here.
"""

from dataclasses import dataclass

import torch

from fewshot_bench.inner.losses.network import LossNetwork, adalfl
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.nn.params import Params
from fewshot_bench.supervised.data import PartName, SupervisedData
from fewshot_bench.supervised.models import Model
from fewshot_bench.supervised.offline import OfflineRecipe, learn_offline, outer_loss, update
from fewshot_bench.supervised.train import (
    WEIGHTS,
    Recipe,
    Trained,
    batches,
    begin,
    descend,
    generator,
    leaves,
    settle,
)

ONLINE_RATE, FREE_ONLINE_RATE = 1e-5, 1e-3
INITIALISATION = OfflineRecipe(steps=2500)


@dataclass(frozen=True)
class OnlineRecipe:
    """How the loss is learned during training.

    Attributes:
        lr: of Adam on the loss; 0 keeps the loss as it was initialised. None for 1e-5, and for
            1e-3 with a network of free scale.
        outer: part that the task loss is computed on.
    """

    lr: float | None = None
    outer: PartName = "val"

    def rate(self, loss: LossNetwork) -> float:
        """Of Adam on this loss."""
        if self.lr is not None:
            return self.lr
        return ONLINE_RATE if loss.anchor == "none" else FREE_ONLINE_RATE


@dataclass(frozen=True, eq=False)
class Adapted:
    """A network trained with an adaptive loss.

    Attributes:
        network: as after any training.
        initial: meta-parameters of the loss before the first step.
        phi: meta-parameters of the loss after the last step.
    """

    network: Trained
    initial: Params
    phi: Params


def train_adaptively(
    model: Model,
    data: SupervisedData,
    recipe: Recipe,
    seed: int,
    loss: LossNetwork | None = None,
    offline: OfflineRecipe = INITIALISATION,
    online: OnlineRecipe | None = None,
) -> Adapted:
    """Initialise a loss network offline, then train a fresh network while the loss is adapted.

    Args:
        model: the network.
        data: what to learn.
        recipe: the ordinary training, for whose every step the loss is updated.
        seed: weights and batches are those of :func:`fewshot_bench.supervised.train.train`.
        loss: structure of the loss network; None for AdaLFL's own.
        offline: initialisation of the loss.
        online: adaptation of the loss; None for the defaults.

    Returns:
        The network. A loss that is not finite ends the training.

    Raises:
        TrainingError: learning the loss failed.
    """
    loss, online = loss or adalfl(), online or OnlineRecipe()
    initial = learn_offline(loss, model, data, recipe, offline, seed)
    phi = leaves({name: value.clone() for name, value in initial.items()})
    adam = torch.optim.Adam(list(phi.values()), lr=online.rate(loss))
    learned, optimizer = criterion(loss, phi, data.task), recipe.optimizer
    now = begin(model, optimizer, generator(seed, WEIGHTS))
    inner = batches(data, "train", recipe.batch_size, seed)
    outer = batches(data, online.outer, recipe.batch_size, seed, outer=True)
    for step in range(recipe.steps):
        after = descend(
            model,
            learned,
            optimizer,
            now,
            next(inner),
            differentiable=True,
            from_constants=True,
        )
        if after is None:
            return Adapted(Trained(now.params, step), initial, phi)
        update(adam, phi, outer_loss(model, data, after.params, next(outer)), step)
        now = settle(after)
    return Adapted(Trained(now.params, recipe.steps), initial, phi)
