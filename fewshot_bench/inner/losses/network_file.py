"""A loss network as a file."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field, FiniteFloat

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.frozen import FrozenNetwork
from fewshot_bench.inner.losses.network import LossNetwork, SmoothLeakyReLU, adalfl, ml3
from fewshot_bench.inner.losses.per_output import Task
from fewshot_bench.inner.losses.stored import StoredLoss
from fewshot_bench.inner.protocols import InnerLoss
from fewshot_bench.nn.params import Params


class NetworkFile(StoredLoss):
    """A loss network's layers, first to last, each as its rows."""

    kind: Literal["network"] = "network"
    network: Literal["ml3", "adalfl"]
    width: Annotated[int, Field(ge=1, le=200)]
    inputs: Literal["probabilities", "logits"] = "probabilities"
    scale: Literal["paper", "free"] = "paper"
    leak: FiniteFloat = 0.01
    sharpness: Annotated[FiniteFloat, Field(gt=0)] = 10.0
    layers: list[list[list[FiniteFloat]]]

    @classmethod
    def of(cls, loss: InnerLoss, phi: Params, task: Task, facts: Mapping[str, Any]) -> Self | None:
        """See :class:`StoredLoss`; None also for networks of other forms than the two."""
        network = loss.network if isinstance(loss, FrozenNetwork) else loss
        weights = loss.weights if isinstance(loss, FrozenNetwork) else phi
        if not isinstance(network, LossNetwork):
            return None
        layers = [weights[f"loss.{i}.weight"].detach().tolist() for i in range(len(weights))]
        bend, form = network.activation, {"network": "ml3", "inputs": network.inputs}
        numbers: dict[str, float] = {"width": network.hidden[0]}
        if isinstance(bend, SmoothLeakyReLU):
            form |= {"network": "adalfl", "scale": "paper" if network.anchor == "none" else "free"}
            numbers |= {"leak": bend.leak, "sharpness": bend.sharpness}
        content: dict[str, Any] = {"task": task, "layers": layers, **form, **numbers, **facts}
        file = cls.model_validate(content)
        return file if file.structure() == network else None

    def structure(self) -> LossNetwork:
        """The network without its weights, for learning on."""
        if self.network == "ml3":
            return ml3(self.width, self.inputs)
        return adalfl(self.width, self.leak, self.sharpness, self.inputs, self.scale, self.task)

    def phi(self) -> Params:
        """The weights by their names.

        Raises:
            ConfigError: layers of other shapes than the network has.
        """
        expected = self.structure().init(torch.Generator())
        found = {f"loss.{i}.weight": rows for i, rows in enumerate(self.layers)}
        if found.keys() != expected.keys() or any(
            len(rows) != len(expected[name]) or any(len(r) != expected[name].shape[1] for r in rows)
            for name, rows in found.items()
        ):
            shapes = ", ".join(str(tuple(value.shape)) for value in expected.values())
            raise ConfigError(f"the layers of {self.network} must have shapes {shapes}")
        return {name: torch.tensor(rows) for name, rows in found.items()}

    def loss(self) -> FrozenNetwork:
        """With frozen weights."""
        return FrozenNetwork(self.structure(), self.phi())

    def formula(self) -> str:
        """A network has none; what it is."""
        free = " of free scale" if self.scale == "free" else ""
        return f"{self.network}'s network{free} of width {self.width}, on {self.inputs}"


def network_file(
    name: Literal["ml3", "adalfl"], task: Task, phi: Params, **facts: Any
) -> NetworkFile:
    """A trained loss network as a file; ``facts`` are the other fields."""
    layers = [phi[f"loss.{i}.weight"].detach().tolist() for i in range(len(phi))]
    return NetworkFile(network=name, task=task, width=len(layers[0]), layers=layers, **facts)
