"""A loss that is itself a small network: ML3's, and AdaLFL's which is smooth.

Bechtle et al.: Meta-Learning via Learned Loss, 2021, arXiv 1906.05374 (ML3).
Raymond et al.: Online Loss Function Learning, 2023, arXiv 2301.13247 (AdaLFL).

The network sees one output at a time, its target (1 or 0) and its prediction, so it fits any
number of classes. It has no biases. Meta-parameters: ``loss.<layer>.weight``, (out, in).

Not verified from the papers: AdaLFL's leak and sharpness, and whether it has biases; these are
arguments here, or left out. ML3's softplus makes the loss flat where the network is negative,
and its ReLU makes it kinked; AdaLFL drops both for that reason.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.per_output import Task
from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params, kaiming_normal

Inputs = Literal["probabilities", "logits"]
Scale = Literal["paper", "free"]
Anchor = Literal["none", "cross_entropy", "squared_error"]
Activation = Callable[[Tensor], Tensor]


def identity(x: Tensor) -> Tensor:
    """No output activation."""
    return x


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)) to full precision; torch's turns into a straight line at 20."""
    return -F.logsigmoid(-x)


@dataclass(frozen=True)
class SmoothLeakyReLU:
    """A leaky ReLU that can be differentiated any number of times.

    Attributes:
        leak: slope far below 0; it is 1 far above.
        sharpness: how narrow the bend around 0 is.

    Raises:
        ConfigError: no bend, or one that falls.
    """

    leak: float = 0.01
    sharpness: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.leak < 1 or self.sharpness <= 0:
            raise ConfigError(
                "a smooth leaky ReLU needs a leak in [0, 1) and a positive sharpness, not"
                f" {self.leak:g} and {self.sharpness:g}"
            )

    def __call__(self, x: Tensor) -> Tensor:
        """Element by element; (1 - leak) log(2) / sharpness at 0."""
        if torch.compiler.is_compiling():
            # Which has no map over functions of our own, and puts operations together by itself.
            return _value(x, -self.sharpness * x, self.leak, self.sharpness)
        y: Tensor = _SmoothLeakyReLU.apply(x, self.leak, self.sharpness)[0]
        return y


def _value(x: Tensor, scaled: Tensor, leak: float, sharpness: float) -> Tensor:
    return torch.add(leak * x, F.logsigmoid(scaled), alpha=(leak - 1) / sharpness)


class _SmoothLeakyReLU(torch.autograd.Function):
    """Returns the value and its slope s, the output that the second derivative is taken of.

    Losses are learned through second derivatives, which autograd would put together from four
    times as many operations. With the sigmoid g of sharpness * x:

        s = leak + (1 - leak) g        s' = (1 - leak) sharpness g (1 - g)
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, leak: float, sharpness: float) -> tuple[Tensor, Tensor]:
        scaled = -sharpness * x
        value = _value(x, scaled, leak, sharpness)
        return value, torch.rsub(scaled.sigmoid_(), 1, alpha=1 - leak)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1])
        ctx.leak, ctx.sharpness = inputs[1:]

    @staticmethod
    def backward(
        ctx: Any, grad_value: Tensor | None, grad_slope: Tensor | None
    ) -> tuple[Tensor | None, None, None]:
        [slope] = ctx.saved_tensors
        grad = None if grad_value is None else grad_value * slope
        if grad_slope is not None:
            curve = ctx.sharpness / (1 - ctx.leak) * (slope - ctx.leak) * (1 - slope)
            grad = grad_slope * curve if grad is None else grad + grad_slope * curve
        return grad, None, None


@dataclass(frozen=True)
class LossNetwork(InnerLoss):
    """Loss of a batch as the mean of what the network says of each instance.

    Attributes:
        hidden: widths of the hidden layers.
        activation: after each hidden layer.
        output: after the last layer.
        over_classes: how the outputs of one instance are put together.
        inputs: what the network is shown of a prediction.
        anchor: a loss that the network's is added to. The last layer starts at zero then, so that
            all begins as the anchor, with its gradients.
    """

    hidden: tuple[int, ...]
    activation: Activation
    output: Activation = identity
    over_classes: Literal["mean", "sum"] = "mean"
    inputs: Inputs = "probabilities"
    anchor: Anchor = "none"

    def init(self, generator: torch.Generator) -> Params:
        """He initialisation, but for the last layer of an anchored network."""
        shapes = itertools.pairwise((2, *self.hidden, 1))
        phi = {
            f"loss.{layer}.weight": kaiming_normal((out, into), generator)
            for layer, (into, out) in enumerate(shapes)
        }
        if self.anchor != "none":
            phi[f"loss.{len(self.hidden)}.weight"].zero_()
        return phi

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar, of any sign unless ``output`` forbids it."""
        return self.of_logits(phi, view.support_logits, view.support_labels)

    def of_logits(self, phi: Params, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of (N, C) logits with int64 labels (N,); also for supervised training."""
        target = one_hot(labels, logits.shape[1], logits.dtype)
        seen = self.seen(logits)
        if self.anchor != "cross_entropy":
            return self.of_outputs(phi, seen, target).mean()
        # From the logits, since a probability may round to 0.
        return self._rows(phi, seen, target).mean() + F.cross_entropy(logits, labels)

    def seen(self, logits: Tensor) -> Tensor:
        """What the network is shown of logits (N, C)."""
        return logits.softmax(dim=1) if self.inputs == "probabilities" else logits

    def of_outputs(self, phi: Params, prediction: Tensor, target: Tensor) -> Tensor:
        """Predictions and targets (N, C) to losses (N,); C may be 1, for regression."""
        rows = self._rows(phi, prediction, target)
        if self.anchor == "cross_entropy":
            return rows - torch.xlogy(target, prediction).sum(dim=1)
        if self.anchor == "squared_error":
            return rows + (prediction - target).square().mean(dim=1)
        return rows

    def _rows(self, phi: Params, prediction: Tensor, target: Tensor) -> Tensor:
        """What the network says."""
        x = torch.stack([target, prediction], dim=-1)
        last = len(self.hidden)
        for layer in range(last):
            x = self.activation(F.linear(x, phi[f"loss.{layer}.weight"]))
        losses = self.output(F.linear(x, phi[f"loss.{last}.weight"])).squeeze(-1)
        return losses.mean(dim=1) if self.over_classes == "mean" else losses.sum(dim=1)


def ml3(width: int = 50, inputs: Inputs = "probabilities") -> LossNetwork:
    """ML3's network: two layers of ReLU, softplus output, summed over the classes."""
    return LossNetwork((width, width), torch.relu, softplus, "sum", inputs)


def adalfl(
    width: int = 40,
    leak: float = 0.01,
    sharpness: float = 10.0,
    inputs: Inputs = "probabilities",
    scale: Scale = "paper",
    task: Task = "classification",
) -> LossNetwork:
    """AdaLFL's network: two smooth layers, no output activation.

    Args:
        width: of the hidden layers.
        leak: the paper's gamma, not verified.
        sharpness: the paper's beta, not verified.
        inputs: what it is shown of a prediction; logits don't go with ``free``.
        scale: ``paper`` takes the mean over the classes of a network that starts at random, so its
            gradients start about C^2 times smaller than those of cross-entropy. ``free`` is ours:
            the sum over the classes, added to the usual loss of the task, from which it starts;
            so rates of the network mean what they mean for that loss, for any number of classes.
        task: says what the usual loss is.
    """
    activation = SmoothLeakyReLU(leak, sharpness)
    if scale == "paper":
        return LossNetwork((width, width), activation, inputs=inputs)
    if inputs != "probabilities":
        raise ConfigError("a loss of free scale sees probabilities")
    anchor: Anchor = "cross_entropy" if task == "classification" else "squared_error"
    return LossNetwork((width, width), activation, over_classes="sum", anchor=anchor)
