"""Augmentation of images that are normalised already, which gradients can pass.

Zhao et al.: Differentiable Augmentation for Data-Efficient GAN Training, 2020, arXiv 2006.10738.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 0.125  # largest translation, as a share of the side


def colour_changed(images: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, saturation and contrast of each (B, C, H, W) image by chance.

    Brightness moves by up to 0.5 standard deviations, saturation is scaled by 0 to 2 and contrast
    by 0.5 to 1.5.
    """
    bright, colour, contrast = _uniform(3, len(images), generator).to(images).view(3, -1, 1, 1, 1)
    images = images + bright - 0.5
    grey = images.mean(dim=1, keepdim=True)
    images = grey + 2 * colour * (images - grey)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    changed: Tensor = middle + (0.5 + contrast) * (images - middle)
    return changed


def translated(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each (B, C, H, W) image moved by up to an eighth of its side; zeros come in."""
    batch, channels, height, width = images.shape
    most = [round(SHIFT * side) for side in (height, width)]
    padded = F.pad(images, [most[1], most[1], most[0], most[0]])
    down, right = (torch.randint(2 * m + 1, (batch, 1), generator=generator) for m in most)
    rows = (down + torch.arange(height)).view(batch, 1, height, 1).to(images.device)
    columns = (right + torch.arange(width)).view(batch, 1, 1, width).to(images.device)
    item = torch.arange(batch, device=images.device).view(batch, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, -1, 1, 1)
    return padded[item, channel, rows, columns]


def augmented(images: Tensor, generator: torch.Generator, share: float = 0.9) -> Tensor:
    """Both changes, each for ``share`` of the images.

    Args:
        images: float (B, C, H, W), normalised.
        generator: source of all randomness, on the CPU.
        share: chance of a change, in [0, 1].
    """
    for change in (colour_changed, translated):
        chosen = (_uniform(len(images), 1, generator) < share).to(images.device).view(-1, 1, 1, 1)
        images = torch.where(chosen, change(images, generator), images)
    return images


def _uniform(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    return torch.rand(rows, columns, generator=generator)
