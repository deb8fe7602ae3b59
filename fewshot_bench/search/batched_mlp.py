"""Multi-layer perceptrons in stacks: batched products, and gradients without a graph.

What :mod:`.stacked` and :mod:`.unrolled` do for any network, for the networks that searches use
most. There the operations are so small that calls and graphs cost more than arithmetic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.nn.params import Params
from fewshot_bench.supervised.models import MLP

OutputGradient = Callable[[Tensor], Tensor]  # outputs (K, N, C) to gradients in them


class StepRule(NamedTuple):
    """theta <- keep * theta - slope * gradient, the first step of an optimiser.

    Attributes:
        keep: what is left of a parameter without a gradient.
        slope: by how much a unit of gradient lowers a parameter.
    """

    keep: float
    slope: float


class Layer(NamedTuple):
    """One linear layer.

    Attributes:
        weight: (..., out, in).
        bias: (..., out).
    """

    weight: Tensor
    bias: Tensor


def layers(model: MLP, params: Params) -> list[Layer]:
    """The layers of one network, or of a stack of K, first to last."""
    numbers = range(len(model.widths) - 1)
    return [Layer(params[f"layer{i}.weight"], params[f"layer{i}.bias"]) for i in numbers]


def named(found: Sequence[Layer]) -> Params:
    """Layers under the names that their parameters have in the model."""
    return {
        f"layer{i}.{kind}": value
        for i, layer in enumerate(found)
        for kind, value in layer._asdict().items()
    }


@dataclass(frozen=True, eq=False)
class Pass:
    """A stack of networks at a batch.

    Attributes:
        layers: of K networks.
        inputs: (K, N, in) of each layer; all but the first are behind a ReLU.
        outputs: (K, N, C).
    """

    layers: Sequence[Layer]
    inputs: Sequence[Tensor]
    outputs: Tensor

    def gradients(self, of_outputs: Tensor) -> list[Layer]:
        """Gradients of the parameters for those (K, N, C) of the outputs."""
        pulled = zip(self.pull(of_outputs), self.inputs, strict=True)
        return [Layer(d.transpose(1, 2) @ x, d.sum(1)) for d, x in pulled]

    def pull(self, of_outputs: Tensor) -> list[Tensor]:
        """Gradients (K, N, out) in front of each layer's ReLU, first layer to last."""
        found = [of_outputs]
        for layer, x in zip(reversed(self.layers[1:]), reversed(self.inputs[1:]), strict=True):
            found.append(_where_active(found[-1] @ layer.weight, x))
        return found[::-1]


def forward(stack: Sequence[Layer], x: Tensor) -> Pass:
    """K networks on one batch x (N, ...)."""
    inputs = [x.flatten(1).expand(len(stack[0].weight), -1, -1)]
    for layer in stack[:-1]:
        inputs.append(_affine(layer, inputs[-1]).relu_())
    return Pass(stack, inputs, _affine(stack[-1], inputs[-1]))


@dataclass(frozen=True, eq=False)
class MLPStep:
    """See :class:`fewshot_bench.search.unrolled.Step`.

    Attributes:
        layers: of the one network before the step.
        inputs: (N, in) of each layer at the batch of the step.
        outputs: (N, C).
        rule: the step.
    """

    layers: Sequence[Layer]
    inputs: Sequence[Tensor]
    outputs: Tensor
    rule: StepRule

    @classmethod
    def begin(cls, network: Sequence[Layer], x: Tensor, rule: StepRule) -> "MLPStep":
        """Run the network on the batch of the step."""
        inputs = [x.flatten(1)]
        for layer in network[:-1]:
            inputs.append(F.linear(inputs[-1], *layer).relu_())
        return cls(network, inputs, F.linear(inputs[-1], *network[-1]), rule)

    def moved(self, of_outputs: Tensor) -> list[Layer]:
        """K networks after a step, for the gradients (K, N, C) of K losses in the outputs."""
        found, k, (keep, slope) = [], len(of_outputs), self.rule
        for layer, x in zip(reversed(self.layers), reversed(self.inputs), strict=True):
            weight, shared = layer.weight.expand(k, -1, -1), x.expand(k, -1, -1)
            found.append(
                Layer(
                    torch.baddbmm(weight, of_outputs.mT, shared, beta=keep, alpha=-slope),
                    torch.add(keep * layer.bias, of_outputs.sum(1), alpha=-slope),
                )
            )
            if layer is not self.layers[0]:
                of_outputs = _where_active(of_outputs @ layer.weight, x)
        return found[::-1]

    def along(self, direction: Sequence[Layer]) -> Tensor:
        """Change (K, N, C) of the outputs before the step along K directions of the parameters."""
        change = _affine(direction[0], self.inputs[0].expand(len(direction[0].weight), -1, -1))
        for i in range(1, len(self.layers)):
            x = self.inputs[i]
            change = _where_active(change, x) @ self.layers[i].weight.T
            change += _affine(direction[i], x.expand(len(change), -1, -1))
        return change

    def response(self, of_outputs: Tensor, held_x: Tensor, task: OutputGradient) -> Tensor:
        """See :class:`fewshot_bench.search.unrolled.Step`."""
        held = forward(self.moved(of_outputs), held_x)
        return self.along(held.gradients(task(held.outputs)))


def _affine(layer: Layer, x: Tensor) -> Tensor:
    """(K, N, in) to (K, N, out)."""
    return torch.baddbmm(layer.bias[:, None], x, layer.weight.transpose(1, 2))


def _where_active(gradient: Tensor, x: Tensor) -> Tensor:
    """The gradient where x, which is behind a ReLU, is above zero; in place."""
    return gradient.mul_(x.sign())
