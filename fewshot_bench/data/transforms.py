"""Image transforms as batched tensor operations: every image of a batch at once, on its device.

Random ones take an explicit generator and draw their own parameters for each image.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


class Normalise:
    """uint8 images to float32, zero mean and unit variance per channel of the data set.

    Args:
        mean: per channel, of images in [0, 1].
        std: per channel, of images in [0, 1], positive.
        device: where images will come from.
    """

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], device: torch.device | str = "cpu"
    ) -> None:
        spread = torch.tensor(std, dtype=torch.float64)
        centre = torch.tensor(mean, dtype=torch.float64)
        self._scale = (1 / (255 * spread)).float().view(-1, 1, 1).to(device)
        self._shift = (-centre / spread).float().view(-1, 1, 1).to(device)

    def __call__(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """Normalise (..., C, H, W) images; ``out`` is written in place where it is given."""
        # Converting first and scaling in place is vectorised; uint8 * float in one call is not.
        pixels = images.to(torch.float32) if out is None else out.copy_(images)
        return pixels.mul_(self._scale).add_(self._shift)


def shifted_and_flipped(images: Tensor, generator: torch.Generator, margin: int = 4) -> Tensor:
    """Move each image by up to ``margin`` pixels in both directions, flip half of them.

    What comes in from outside is the mirror image of the border (reflect padding), as is the custom
    for images of 32 pixels.

    Args:
        images: (B, C, H, W) of any type, H and W above ``margin``.
        generator: source of all randomness, on the CPU.
        margin: largest shift in pixels.

    Returns:
        (B, C, H, W) of the same type.
    """
    batch, _, height, width = images.shape
    padded = F.pad(images.float(), [margin] * 4, mode="reflect").to(images.dtype)
    down, right = torch.randint(2 * margin + 1, (2, batch, 1), generator=generator)
    flip = torch.rand(batch, 1, generator=generator) < 0.5
    across = torch.arange(width)
    rows = (down + torch.arange(height)).view(batch, 1, height, 1).to(images.device)
    columns = right + torch.where(flip, across.flip(0), across)
    item = torch.arange(batch, device=images.device).view(batch, 1, 1, 1)
    channel = torch.arange(images.shape[1], device=images.device).view(1, -1, 1, 1)
    return padded[item, channel, rows, columns.view(batch, 1, 1, width).to(images.device)]


def random_resized_crop(
    images: Tensor, generator: torch.Generator, scale: tuple[float, float] = (0.3, 1.0)
) -> Tensor:
    """Cut a random rectangle from each image, bring it back to full size, flip half of them.

    Args:
        images: float (B, C, H, W).
        generator: source of all randomness, on the CPU.
        scale: range of the rectangle's share of the area; its aspect ratio is 3/4 to 4/3.

    Returns:
        float (B, C, H, W).
    """
    draw = torch.rand(5, len(images), generator=generator)
    area = scale[0] + (scale[1] - scale[0]) * draw[0]
    aspect = (4 / 3) ** (2 * draw[1] - 1)
    width = (area * aspect).sqrt().clamp(max=1)
    height = (area / aspect).sqrt().clamp(max=1)
    flip = 1 - 2 * (draw[4] < 0.5).float()
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 0, 2] = width * flip, (1 - width) * (2 * draw[2] - 1)
    theta[:, 1, 1], theta[:, 1, 2] = height, (1 - height) * (2 * draw[3] - 1)
    grid = F.affine_grid(theta.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False, padding_mode="reflection")


def colour_jitter(images: Tensor, generator: torch.Generator, strength: float = 0.4) -> Tensor:
    """Change brightness, contrast and saturation of each image by up to ``strength``.

    Args:
        images: float (B, C, H, W) in [0, 1]; saturation is left alone where C = 1.
        generator: source of all randomness, on the CPU.
        strength: factors are uniform in [1 - strength, 1 + strength].

    Returns:
        float (B, C, H, W) in [0, 1].
    """
    factors = 1 + strength * (2 * torch.rand(3, len(images), generator=generator) - 1)
    bright, contrast, colour = factors.to(images).view(3, -1, 1, 1, 1)
    images = images * bright
    if images.shape[1] == 3:
        images = torch.lerp(_grey(images), images, colour)
    middle = _grey(images).mean(dim=(2, 3), keepdim=True)
    return torch.lerp(middle, images, contrast).clamp(0, 1)


def _grey(images: Tensor) -> Tensor:
    """Luma of (B, 3, H, W) images as (B, 1, H, W), weights of ITU-R BT.601; grey images pass."""
    if images.shape[1] == 1:
        return images
    weights = torch.tensor([0.299, 0.587, 0.114]).to(images).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)
