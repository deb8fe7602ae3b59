"""Networks of other libraries as backbones: made once, sized and identified by their record."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.errors import ConfigError
from fewshot_bench.files import sha256
from fewshot_bench.nn.backbone import Backbone, BackboneChoice, ImageShape, PlainStage, Stage
from fewshot_bench.nn.given.module_source import module_network
from fewshot_bench.nn.given.record import ImageRecord, Network
from fewshot_bench.nn.given.timm_models import timm_network
from fewshot_bench.nn.given.torchvision_models import torchvision_network, torchvision_weights
from fewshot_bench.nn.given.weights import fitted, listed, read_weights
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.nn.module import PREFIX, ModuleStage, feature_length
from fewshot_bench.nn.norm import NormMode, NormPolicy
from fewshot_bench.nn.params import Params, Roles
from fewshot_bench.registry import BACKBONES


@dataclass(frozen=True, eq=False)
class Opened:
    """A network with its weights.

    Attributes:
        network: the module and what is known of it.
        left_out: names in the file of weights that the module does not have.
        lengths: of features by shape of images, filled as they are asked for.
    """

    network: Network
    left_out: tuple[str, ...] = ()
    lengths: dict[ImageShape, int] = field(default_factory=dict)

    @property
    def n_params(self) -> int:
        """Numbers in all parameters."""
        return sum(p.numel() for p in self.network.module.parameters())

    @functools.cached_property
    def weights_sha256(self) -> str:
        """Of all parameters and buffers."""
        return tensors_sha256(self.network.module.state_dict())

    def feature_length(self, image: ImageShape) -> int:
        """Length of the features of such images; raises ConfigError if it does not take them."""
        if image not in self.lengths:
            self.lengths[image] = feature_length(self.network.module, image)
        return self.lengths[image]


def open_given(choice: BackboneChoice) -> Opened:
    """The network of a choice, made once in a process.

    Raises:
        ConfigError: there is no such network, or its library is not installed.
        CheckpointError: the weights are missing or of another architecture.
    """
    options = BACKBONES.entry(choice.name).options
    return _opened(options["kind"], options["name"], choice.weights, _stamp(choice.weights))


def image_record(choice: BackboneChoice) -> ImageRecord:
    """The images that a choice takes, its own size in place of the record's."""
    record = open_given(choice).network.record
    return record if choice.input_size is None else replace(record, size=choice.input_size)


def given_identity(choice: BackboneChoice) -> str:
    """SHA-256 of the weights, of what is done to images for them, and of a user's own code."""
    opened = open_given(choice)
    record = json.dumps(image_record(choice).table(), sort_keys=True)
    return sha256(f"{opened.weights_sha256}\n{record}\n{opened.network.code}".encode())


def given_backbone(
    image: ImageShape,
    *,
    bn: NormPolicy,
    n_steps: int,  # noqa: ARG001
    kind: str,
    name: str,
    weights: str = "",
    input_size: int | None = None,
    fixed: bool = False,
) -> Backbone:
    """A network of another library as a backbone.

    Args:
        image: shape of the images; they are resized to what the network takes.
        bn: ``batch`` or ``running``.
        n_steps: of no use here.
        kind: ``torchvision``, ``timm`` or ``module``.
        name: after the colon.
        weights: see :class:`fewshot_bench.nn.backbone.BackboneChoice`.
        input_size: see there.
        fixed: the weights are no parameters, and nothing can train them.

    Raises:
        ConfigError: see :func:`open_given`; or it does not take such images.
    """
    if bn not in ("batch", "running"):
        raise ConfigError(f"bn of {kind}:{name} is batch or running, not {bn!r}")
    choice = BackboneChoice(f"{kind}:{name}", weights, input_size)
    opened, record = open_given(choice), image_record(choice)
    network = opened.network
    seen = ImageShape(image.channels, record.size or image.size)
    length = opened.feature_length(seen)
    fresh = None if network.weights else network.fresh
    last: Stage = (
        FixedStage(network.module.eval(), length)
        if fixed
        else ModuleStage(network.module, bn, length, fresh=fresh)
    )
    resize = ResizeStage(image.channels, seen.size, record.interpolation)
    stages = (last,) if seen.size == image.size else (resize, last)
    return Backbone(stages, feature_dim=length, pool=False)


@dataclass(frozen=True)
class ResizeStage(PlainStage):
    """(B, C, H, W) to (B, C, S, S); shrinking averages over the whole footprint.

    Attributes:
        out_channels: C.
        size: S.
        interpolation: ``bilinear`` or ``bicubic``.
    """

    out_channels: int
    size: int
    interpolation: str
    name: str = f"{PREFIX}.resize"

    def init(self, generator: torch.Generator) -> Params:  # noqa: ARG002
        """None."""
        return {}

    def roles(self) -> Roles:
        """None."""
        return {}

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:  # noqa: ARG002
        """Resize normalised images, which is the same as normalising resized ones."""
        return F.interpolate(x, (self.size, self.size), mode=self.interpolation, antialias=True)


@dataclass(frozen=True, eq=False)
class FixedStage(PlainStage):
    """A module whose weights are no parameters of the method: (B, C, H, W) to (B, D, 1, 1).

    Attributes:
        module: in evaluation mode.
        out_channels: D.
    """

    module: nn.Module
    out_channels: int
    name: str = PREFIX

    @property
    def frozen(self) -> bool:
        """Nothing trains it."""
        return True

    def init(self, generator: torch.Generator) -> Params:  # noqa: ARG002
        """None."""
        return {}

    def roles(self) -> Roles:
        """None."""
        return {}

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:  # noqa: ARG002
        """Apply the module as it is at test."""
        module = self.module.to(x.device).eval()
        with torch.no_grad():
            y: Tensor = module(x)
        return y.flatten(1)[:, :, None, None]


def _stamp(weights: str) -> tuple[int, int]:
    """What changes with the contents of a file; (0, 0) where there is none."""
    path = Path(weights).expanduser()
    if not weights or not path.is_file():
        return 0, 0
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size


@functools.lru_cache(maxsize=4)
def _opened(kind: str, name: str, weights: str, stamp: tuple[int, int]) -> Opened:  # noqa: ARG001
    openers: dict[str, Callable[[str, str], Opened]] = {
        "torchvision": _torchvision,
        "timm": _timm,
        "module": _module,
    }
    with torch.random.fork_rng(devices=[]):  # other libraries draw from the global state
        return openers[kind](name, weights)


def _torchvision(name: str, weights: str) -> Opened:
    network = torchvision_network(name)
    if not weights:
        return Opened(network)
    path, called, trained_on = torchvision_weights(name, weights)
    return _filled(network, path, called, trained_on)


def _timm(name: str, weights: str) -> Opened:
    if weights == "default":
        return Opened(timm_network(name, pretrained=True))
    network = timm_network(name)
    return _from_file(network, weights) if weights else Opened(network)


def _module(name: str, weights: str) -> Opened:
    if weights == "default":
        raise ConfigError(f"module:{name} comes with its own weights; give a file, or no --weights")
    network = module_network(name)
    return _from_file(network, weights) if weights else Opened(network)


def _from_file(network: Network, weights: str) -> Opened:
    path = Path(weights).expanduser()
    return _filled(network, path, path.name, f"not told ({path.name})")


def _filled(network: Network, path: Path, called: str, trained_on: str) -> Opened:
    """The network with the weights of a file."""
    module: Any = network.module
    state, left_out = fitted(read_weights(path), module.state_dict(), network.head, str(path))
    module.load_state_dict(state, strict=False)  # but for counters, all are there: see fitted
    return Opened(replace(network, weights=called, trained_on=trained_on), tuple(left_out))


def note_on(opened: Opened) -> str:
    """One line on what of a file was not used; "" where all was."""
    if not opened.left_out:
        return ""
    return f"names in {opened.network.weights} that the network does not have are left out: " + (
        listed(opened.left_out)
    )
