"""``timm:NAME``: any model of timm (PyTorch Image Models) without its classifier."""

from typing import Any

from torch import nn

from fewshot_bench.errors import ConfigError, one_line
from fewshot_bench.nn.given.record import ImageRecord, Network


def timm_network(name: str, *, pretrained: bool = False) -> Network:
    """A model of timm that gives pooled features.

    Args:
        name: as timm calls it, with or without a tag, for instance ``vit_small_patch14_dinov2``.
        pretrained: with timm's own weights, from its cache or fetched into it.

    Raises:
        ConfigError: timm is not installed, has no such model, or can't get its weights.
    """
    timm = _timm()

    def make(own: bool = False) -> nn.Module:
        try:
            model: nn.Module = timm.create_model(name, pretrained=own, num_classes=0)
        except Exception as error:  # of a network, a cache or a name
            raise ConfigError(f"timm:{name} can't be made: {one_line(str(error))}") from error
        return model

    module = make(pretrained)
    config = timm.data.resolve_data_config({}, model=module)
    record = ImageRecord(
        size=int(config["input_size"][-1]),
        mean=tuple(map(float, config["mean"])),
        std=tuple(map(float, config["std"])),
        interpolation="bicubic" if config["interpolation"] == "bicubic" else "bilinear",
        channels=int(config["input_size"][0]),
    )
    own = getattr(module, "pretrained_cfg", {}) or {}
    tag = own.get("tag", "")
    head = own.get("classifier") or "head"
    if not pretrained:
        return Network(module, record, str(head), fresh=make)
    return Network(module, record, str(head), f"timm {name}", f"timm {tag}".strip())


def _timm() -> Any:
    try:
        import timm
        import timm.data
    except ImportError as error:
        raise ConfigError(
            f"timm:NAME needs timm ({error}): pip install 'fewshot-bench[timm]'"
        ) from error
    return timm
