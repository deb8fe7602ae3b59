"""Networks for supervised training, as pure functions over flat dicts of parameters."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.backbone import Backbone, ImageShape, build_backbone
from fewshot_bench.nn.heads import HEAD, init_linear, linear
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import Params, kaiming_normal, merge
from fewshot_bench.registry import BACKBONES
from fewshot_bench.supervised.data import SupervisedData


class Model(Protocol):
    """A network with one output per class, or per target of a regression."""

    def init(self, generator: torch.Generator) -> Params:
        """Fresh parameters and buffers, float32."""
        ...

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Inputs (B, ...) to outputs (B, n_outputs); logits for classification."""
        ...


@dataclass(frozen=True)
class MLP:
    """Linear layers with ReLU between them; none hidden is a linear model.

    Attributes:
        widths: of the inputs, the hidden layers and the outputs.
    """

    widths: tuple[int, ...]

    def init(self, generator: torch.Generator) -> Params:
        """Weights with variance 2 / fan_in before a ReLU, else 1 / fan_in; biases of zero."""
        last = len(self.widths) - 2
        params: Params = {}
        for i, (into, out) in enumerate(itertools.pairwise(self.widths)):
            gain = 2.0 if i < last else 1.0
            params[f"layer{i}.weight"] = kaiming_normal((out, into), generator, gain)
            params[f"layer{i}.bias"] = torch.zeros(out)
        return params

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:  # noqa: ARG002
        """Inputs of any shape are flattened."""
        x = x.flatten(1)
        last = len(self.widths) - 2
        for i in range(last):
            x = F.relu(linear(params, f"layer{i}", x))
        return linear(params, f"layer{last}", x)


@dataclass(frozen=True)
class LeNet5:
    """LeCun et al. 1998 with ReLU and max-pooling; padded, so that 8-pixel digits fit, too.

    Attributes:
        image: shape of the images, at least 4 pixels wide.
        n_outputs: classes.
    """

    image: ImageShape
    n_outputs: int

    @property
    def _classifier(self) -> MLP:
        return MLP((16 * (self.image.size // 4) ** 2, 120, 84, self.n_outputs))

    def init(self, generator: torch.Generator) -> Params:
        """Two convolutions and three linear layers."""
        return {
            "conv0.weight": kaiming_normal((6, self.image.channels, 5, 5), generator),
            "conv0.bias": torch.zeros(6),
            "conv1.weight": kaiming_normal((16, 6, 5, 5), generator),
            "conv1.bias": torch.zeros(16),
            **self._classifier.init(generator),
        }

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Images (B, C, H, W) to logits."""
        for i in range(2):
            x = F.conv2d(x, params[f"conv{i}.weight"], params[f"conv{i}.bias"], padding=2)
            x = F.relu(F.max_pool2d(x, 2))
        return self._classifier(params, x, mode)


@dataclass(frozen=True)
class BackboneClassifier:
    """A registered backbone with a linear layer on its features.

    Attributes:
        backbone: with running averages, so that predictions do not depend on the batch.
        n_outputs: classes.
    """

    backbone: Backbone
    n_outputs: int

    def init(self, generator: torch.Generator) -> Params:
        """Of backbone and head."""
        head = init_linear(HEAD, self.backbone.feature_dim, self.n_outputs, generator)
        return merge([self.backbone.init(generator), head])

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Images (B, C, H, W) to logits."""
        return linear(params, HEAD, self.backbone(params, x, mode))


def _mlp(*hidden: int) -> Callable[[SupervisedData], Model]:
    return lambda data: MLP((math.prod(data.input_shape), *hidden, data.n_outputs))


def _lenet5(data: SupervisedData) -> Model:
    image = _image_shape("lenet5", data)
    if image.size < 4:
        raise ConfigError(f"lenet5 needs images of at least 4 pixels, not {image.size}")
    return LeNet5(image, data.n_outputs)


MODELS: dict[str, Callable[[SupervisedData], Model]] = {
    "linear": _mlp(),
    "mlp": _mlp(1000, 1000),
    "mlp-128": _mlp(128, 128),
    "lenet5": _lenet5,
}


def build_model(name: str, data: SupervisedData) -> Model:
    """Make a network that fits the data.

    Args:
        name: a key of :data:`MODELS`, or a registered backbone.
        data: what it is for.

    Raises:
        ConfigError: unknown name, or a network for images where there are none.
    """
    if name in MODELS:
        return MODELS[name](data)
    try:
        BACKBONES.entry(name)
    except ConfigError as error:
        raise ConfigError(f"{error}; also: {', '.join(MODELS)}") from error
    backbone = build_backbone(name, _image_shape(name, data), bn="running")
    return BackboneClassifier(backbone, data.n_outputs)


def _image_shape(name: str, data: SupervisedData) -> ImageShape:
    if len(data.input_shape) != 3:
        raise ConfigError(f"{name} is for images, which {data.name} is not; take mlp")
    channels, size, _ = data.input_shape
    return ImageShape(channels, size)
