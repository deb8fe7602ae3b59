"""``torchvision:NAME``: classifiers of torchvision without their last layer."""

import difflib
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import nn
from torchvision import models

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.given.record import ImageRecord, Network

HEADS = ("fc", "head", "heads", "classifier")  # what torchvision calls classifiers


def torchvision_network(name: str) -> Network:
    """A classifier of torchvision, with random weights and the record of its best ones.

    Raises:
        ConfigError: there is no such classifier, or it has no linear layer to take off.
    """
    if name not in (known := models.list_models(module=models)):
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "torchvision.models lists them"
        raise ConfigError(f"torchvision has no classifier {name!r}; {hint}")

    def fresh() -> nn.Module:
        return without_head(models.get_model(name, weights=None))[0]

    module, head = without_head(models.get_model(name, weights=None))
    return Network(module, _record(_best(name)), head, fresh=fresh)


def torchvision_weights(name: str, wanted: str) -> tuple[Path, str, str]:
    """File, name and origin of weights.

    Args:
        name: of the classifier.
        wanted: ``default`` for torchvision's best, from its cache or fetched into it; or a path.

    Returns:
        The path; the name; what they were trained on.
    """
    if wanted == "default":
        weights = _best(name)
        return _cached(weights.url), str(weights), _trained_on(weights)
    path = Path(wanted).expanduser()
    every = models.get_model_weights(name)
    same = [weights for weights in every if weights.url.endswith(f"/{path.name}")]
    return path, path.name, _trained_on(same[0]) if same else f"not told ({path.name})"


def without_head(module: nn.Module) -> tuple[nn.Module, str]:
    """The module with an identity in place of its last linear layer, and that layer's name."""
    linear = [
        path
        for path, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and path.partition(".")[0] in HEADS
    ]
    if not linear:
        raise ConfigError(
            f"{type(module).__name__} does not end in a linear layer; make a module that gives"
            " features and name it by module:FILE.py:FUNCTION"
        )
    parent, _, last = linear[-1].rpartition(".")
    setattr(module.get_submodule(parent), last, nn.Identity())
    return module, linear[-1]


def _best(name: str) -> Any:
    return models.get_model_weights(name).DEFAULT


def _record(weights: Any) -> ImageRecord:
    preset = weights.transforms()
    return ImageRecord(
        size=preset.crop_size[0],
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=preset.interpolation.value,
        channels=3,
    )


def _trained_on(weights: Any) -> str:
    name = str(weights).partition(".")[2]
    return f"ImageNet-1k (torchvision {name})" if "IMAGENET1K" in name else f"torchvision {name}"


def _cached(url: str) -> Path:
    """The file in torchvision's cache, fetched into it if need be and checked by its name."""
    file = url.rsplit("/", 1)[1]
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    beginning = file.rpartition("-")[2].partition(".")[0]  # of its SHA-256
    try:
        torch.hub.download_url_to_file(url, str(path), beginning, progress=False)
    except (URLError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"{url} can't be fetched ({error}); put the file into {path.parent}, or name one by"
            " --weights FILE"
        ) from error
    return path
