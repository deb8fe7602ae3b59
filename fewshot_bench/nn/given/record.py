"""What weights say of themselves: the images that they are for, and what they were trained on."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class ImageRecord:
    """The images that a network takes.

    Attributes:
        size: side in pixels that images are resized to; None takes them as they are.
        mean: per channel, of images in [0, 1]; () for the benchmark's own.
        std: per channel, of images in [0, 1]; () for the benchmark's own.
        interpolation: ``bilinear`` or ``bicubic``, of the resizing.
        channels: 1 or 3; None takes those of the images.
    """

    size: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    interpolation: str = "bilinear"
    channels: int | None = None

    def table(self) -> dict[str, Any]:
        """JSON values, for identities and results."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


@dataclass(frozen=True, eq=False)
class Network:
    """A network without its classifier, before or after weights are put into it.

    Attributes:
        module: (B, C, H, W) to features.
        record: the images it takes.
        head: what the names of the classifier begin with, which was taken off; "" for none.
        weights: what its weights are called; "" where they are random.
        trained_on: what these were trained on, in words; "" where they are random.
        fresh: makes the module anew with random weights; None where it comes with its own.
        code: SHA-256 of the sources that make it; "" for those of torchvision and timm.
    """

    module: nn.Module
    record: ImageRecord
    head: str = ""
    weights: str = ""
    trained_on: str = ""
    fresh: Callable[[], nn.Module] | None = None
    code: str = ""
