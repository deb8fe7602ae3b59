"""A learned loss whose meta-parameters stay as they are."""

from dataclasses import dataclass

from torch import Tensor

from fewshot_bench.inner.losses.fixed import FixedLoss
from fewshot_bench.inner.losses.network import LossNetwork
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.nn.params import Params


@dataclass(frozen=True, eq=False)
class FrozenNetwork(FixedLoss):
    """A loss network with trained weights.

    Attributes:
        network: its structure.
        weights: its meta-parameters; used in the type and on the device of what they judge.
    """

    network: LossNetwork
    weights: Params

    def __call__(self, phi: Params, view: TaskView) -> Tensor:  # noqa: ARG002
        """Scalar, any sign unless the network's output forbids it."""
        return self.network(self._like(view.support_logits), view)

    def of_outputs(self, phi: Params, prediction: Tensor, target: Tensor) -> Tensor:  # noqa: ARG002
        """Predictions and targets (N, C) to losses (N,)."""
        return self.network.of_outputs(self._like(prediction), prediction, target)

    def seen(self, logits: Tensor) -> Tensor:
        """What the network is shown of logits (N, C)."""
        return self.network.seen(logits)

    def _like(self, x: Tensor) -> Params:
        return {name: value.to(x) for name, value in self.weights.items()}
