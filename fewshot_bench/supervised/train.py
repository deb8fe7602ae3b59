"""Plain supervised training of a network with any loss, and its error."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from numpy.random import Philox
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.per_output import Criterion, Task
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.nn.fixed_slopes import fixed_slopes
from fewshot_bench.nn.norm import NormMode, blend
from fewshot_bench.nn.params import Params, is_buffer, trainable
from fewshot_bench.supervised.data import Examples, PartName, SupervisedData
from fewshot_bench.supervised.models import Model

EVALUATION_BATCH = 512
WEIGHTS, TRAINING, OUTER, LOSS = range(4)  # streams of random numbers of one seed

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: SGD with Nesterov momentum, as in the experiments of EvoMAL.

    Attributes:
        steps: SGD steps.
        batch_size: examples per step; a smaller part is one batch.
        lr: constant learning rate.
        momentum: of Nesterov; 0 for plain SGD.
        weight_decay: on all weights and biases.
    """

    steps: int = 1000
    batch_size: int = 128
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1:
            raise ConfigError("a training needs at least one step and one example per step")

    @property
    def optimizer(self) -> SGD:
        """The step rule, differentiable."""
        return SGD(self.lr, self.momentum, self.momentum > 0, self.weight_decay)

    def torch_optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        """The same rule in place, in one pass over the memory; for what nothing differentiates."""
        return torch.optim.SGD(
            weights,
            self.lr,
            self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.momentum > 0,
            fused=True,
        )


@dataclass(frozen=True, eq=False)
class Progress:
    """A training between two steps.

    Attributes:
        params: of the network, buffers included.
        state: of the optimiser.
        seen: batch statistics of the last step, to blend into the running averages.
    """

    params: Params
    state: Params
    seen: Params


@dataclass(frozen=True, eq=False)
class Trained:
    """A network after training.

    Attributes:
        params: after the last step.
        steps: steps taken; fewer than asked for if the loss was no longer finite.
    """

    params: Params
    steps: int


def generator(seed: int, stream: int) -> torch.Generator:
    """A source of random numbers; those of different streams have nothing in common."""
    return torch.Generator().manual_seed(int(Philox(key=[seed, stream]).random_raw()))


def batches(
    data: SupervisedData, part: PartName, size: int, seed: int, *, outer: bool | None = None
) -> Iterator[Batch]:
    """Batches without end: every epoch in a new order, its incomplete last batch left out.

    Args:
        data: the data set.
        part: which of its parts.
        size: examples per batch, as far as there are so many.
        seed: of the orders.
        outer: whether they are what a loss is learned on, whose order has nothing to do with
            that of what the network is trained on; None for all parts but the training part.
    """
    examples: Examples = getattr(data, part)
    is_outer = part != "train" if outer is None else outer
    draws = generator(seed, OUTER if is_outer else TRAINING)
    size = min(size, len(examples))
    while True:
        order = torch.randperm(len(examples), generator=draws)
        for first in range(0, len(order) - size + 1, size):
            yield examples.batch(order[first : first + size])


def task_criterion(task: Task) -> Criterion:
    """What a learned loss is judged by: cross-entropy, or squared error."""
    return F.cross_entropy if task == "classification" else F.mse_loss


def leaves(params: Params) -> Params:
    """Detached parameters that ask for gradients; buffers do not."""
    return {n: p.detach().requires_grad_(not is_buffer(n)) for n, p in params.items()}


def descend(
    model: Model,
    criterion: Criterion,
    optimizer: SGD,
    before: Progress,
    batch: Batch,
    *,
    differentiable: bool = False,
    from_constants: bool = False,
) -> Progress | None:
    """One training step.

    Args:
        model: the network.
        criterion: (outputs, targets) to a scalar.
        optimizer: the step rule.
        before: its parameters must ask for gradients.
        batch: inputs and targets.
        differentiable: keep the graph of the step, through which the loss can be learned.
        from_constants: what is before the step does not depend on what is learned through it, so
            the graph need not say how the step does on that.

    Returns:
        None where the loss is not finite.
    """
    x, y = batch
    mode = NormMode(training=True)
    weights = trainable(before.params)
    with fixed_slopes(from_constants):
        outputs = model(before.params, x, mode)
    loss = criterion(outputs, y)
    if not loss.isfinite():
        return None
    grads = torch.autograd.grad(
        loss, list(weights.values()), create_graph=differentiable, materialize_grads=True
    )
    with torch.set_grad_enabled(differentiable):
        named = dict(zip(weights, grads, strict=True))
        moved, state = optimizer.step({}, named, before.state, weights, 0)
    return Progress(before.params | moved, state, mode.seen)


def begin(model: Model, optimizer: SGD, draws: torch.Generator) -> Progress:
    """Fresh weights."""
    params = leaves(model.init(draws))
    return Progress(params, optimizer.start({}, trainable(params), draws), {})


def settle(after: Progress) -> Progress:
    """Cut the graph and blend the batch statistics, ready for the next step."""
    params = leaves(after.params)
    blend(params, after.seen)
    return Progress(params, {name: value.detach() for name, value in after.state.items()}, {})


def train(
    model: Model, data: SupervisedData, criterion: Criterion, recipe: Recipe, seed: int
) -> Trained:
    """Train from a fresh initialisation on ``data.train``.

    Args:
        model: the network.
        data: what to learn.
        criterion: (outputs, targets) to a scalar; logits and int64 labels for classification.
        recipe: how.
        seed: of the weights and the order of batches; losses are compared on the same ones.

    Returns:
        The trained network. A loss that is not finite ends the training.
    """
    now = begin(model, recipe.optimizer, generator(seed, WEIGHTS))
    stream = batches(data, "train", recipe.batch_size, seed)
    for step in range(recipe.steps):
        after = descend(model, criterion, recipe.optimizer, now, next(stream))
        if after is None:
            return Trained(now.params, step)
        now = settle(after)
    return Trained(now.params, recipe.steps)


def error(model: Model, params: Params, examples: Examples) -> float:
    """Mean of :func:`errors`: error rate in [0, 1], or mean squared error per target."""
    total = 0.0
    mode = NormMode(training=False)
    with torch.no_grad():
        for first in range(0, len(examples), EVALUATION_BATCH):
            x, y = examples.batch(torch.arange(first, min(first + EVALUATION_BATCH, len(examples))))
            outputs = model(params, x, mode)
            total += errors(outputs, y).sum().item()
    return total / len(examples)


def errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Error of each example.

    Args:
        outputs: (..., N, C) logits, or outputs of a regression.
        targets: int64 (N,) class numbers, which make it a classification, or float (N, C).

    Returns:
        float64 (..., N): 1 where the largest logit is of another class, or the mean squared error
        over the outputs; NaN where an output is not finite, since no class is predicted then.
    """
    if targets.is_floating_point():
        found = (outputs - targets).double().square().mean(-1)
    else:
        found = (outputs.argmax(-1) != targets).double()
    return found.where(outputs.isfinite().all(-1), torch.nan)
