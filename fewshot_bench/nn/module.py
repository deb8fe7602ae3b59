"""Any ``torch.nn.Module`` as a backbone: its parameters become entries of the flat dict.

A module keeps its own layers; it is called with parameters from outside
(``torch.func.functional_call``), so an inner loop can move them and a meta-gradient can flow
through. Batch normalisation inside follows the policy of the learner:

* ``batch``: statistics of the batch at hand, always, as in MAML's own code;
* ``running``: the batch in training, running averages at test.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.backbone import Backbone, ImageShape, PlainStage
from fewshot_bench.nn.norm import NormMode, NormPolicy
from fewshot_bench.nn.params import Params, Role, Roles, is_buffer

PREFIX = "backbone"
NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
_ROLES: tuple[tuple[tuple[type[nn.Module], ...], Role], ...] = (
    (NORMS, "normalisation"),
    ((nn.Conv1d, nn.Conv2d, nn.Conv3d), "convolution"),
)


@dataclass(frozen=True, eq=False)
class ModuleStage(PlainStage):
    """A whole module as one stage: (B, C, H, W) images to (B, D, 1, 1) features.

    Attributes:
        module: its weights are where learning starts; it is never changed.
        bn: policy of batch normalisation, ``batch`` or ``running``.
        out_channels: length of the features.
        fresh: makes the module with random weights, where learning starts from these.
    """

    module: nn.Module
    bn: NormPolicy
    out_channels: int
    name: str = PREFIX
    fresh: Callable[[], nn.Module] | None = None

    def init(self, generator: torch.Generator) -> Params:
        """Copies of the module's parameters and of its running statistics."""
        start = self.module if self.fresh is None else randomly(self.fresh, generator)
        params = {f"{PREFIX}.{n}": p.detach().clone() for n, p in start.named_parameters()}
        buffers = {f"{PREFIX}.{n}": b.detach().clone() for n, b in start.named_buffers()}
        return params | {n: b for n, b in buffers.items() if is_buffer(n)}

    def roles(self) -> Roles:
        """By the type of the layer that a parameter belongs to; ``linear`` for all others."""
        return {
            f"{PREFIX}.{path}.{name}".replace("..", "."): _role(layer)
            for path, layer in self.module.named_modules()
            for name, _ in layer.named_parameters(recurse=False)
        }

    def __call__(self, params: Params, x: Tensor, mode: NormMode) -> Tensor:
        """Apply the module."""
        given = self._of_module(params)
        by_batch = mode.training or self.bn == "batch"
        # The layers write new averages into what they are given; nothing of ours may change.
        averages = {name: value.clone() for name, value in given.items() if is_buffer(name)}
        with _mode(self.module, by_batch):
            y: Tensor = torch.func.functional_call(self.module, given | averages, (x,))
        if mode.training and self.bn == "running":
            mode.seen.update(self._statistics(given, averages))
        return y.flatten(1)[:, :, None, None]

    def _of_module(self, params: Params) -> Params:
        head = f"{PREFIX}."
        return {n.removeprefix(head): p for n, p in params.items() if n.startswith(head)}

    def _statistics(self, old: Params, new: Params) -> Params:
        """The statistics of one batch, from running averages before and after it."""
        seen: Params = {}
        for path, layer in self.module.named_modules():
            if not isinstance(layer, nn.modules.batchnorm._BatchNorm) or layer.momentum is None:
                continue
            for kind in ("running_mean", "running_var"):
                name = f"{path}.{kind}".lstrip(".")
                if name in new:
                    kept = (1 - layer.momentum) * old[name]
                    seen[f"{PREFIX}.{name}"] = (new[name] - kept).detach() / layer.momentum
        return seen


def module_backbone(module: nn.Module, image: ImageShape, bn: NormPolicy = "batch") -> Backbone:
    """A backbone of one stage around a module.

    Args:
        module: (B, C, H, W) images to (B, D) features, or anything that flattens to them.
        image: shape of the images.
        bn: ``batch`` or ``running``.

    Raises:
        ConfigError: another policy, or the module can't take such images.
    """
    if bn not in ("batch", "running"):
        raise ConfigError(f"bn of a module of your own is batch or running, not {bn!r}")
    own = copy.deepcopy(module)
    size = feature_length(own, image)
    return Backbone((ModuleStage(own, bn, size),), feature_dim=size, pool=False)


def feature_length(module: nn.Module, image: ImageShape) -> int:
    """Length of the flattened features; raises ConfigError, in one line, where there are none."""
    weight = next(module.parameters(), torch.zeros(()))
    blank = weight.new_zeros(2, image.channels, image.size, image.size)
    try:
        with torch.no_grad(), _mode(module, training=False):
            features = module(blank)
    except Exception as error:  # a stranger's forward can raise anything
        what = f"{image.channels} x {image.size} x {image.size}"
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(f"the module does not take images of {what}: {reason}") from error
    if not isinstance(features, Tensor) or features.dim() < 2 or len(features) != 2:
        raise ConfigError("the module must give a tensor (batch, features)")
    return features[0].numel()


def randomly(fresh: Callable[[], nn.Module], generator: torch.Generator) -> nn.Module:
    """A module made with the random numbers of a generator.

    Other libraries draw weights from torch's global state, which is as before afterwards.
    """
    seed = int(torch.randint(1 << 62, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return fresh()


class _mode:
    """Within the block a module is in training or evaluation mode, afterwards as it was."""

    def __init__(self, module: nn.Module, training: bool) -> None:
        self._module, self._training = module, training

    def __enter__(self) -> None:
        self._before = {name: m.training for name, m in self._module.named_modules()}
        self._module.train(self._training)

    def __exit__(self, *_: object) -> None:
        for name, layer in self._module.named_modules():
            layer.training = self._before[name]


def _role(layer: nn.Module) -> Role:
    for kinds, role in _ROLES:
        if isinstance(layer, kinds):
            return role
    return "linear"
