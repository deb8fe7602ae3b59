"""Features of an image that are maps (channels, height, width) laid flat."""

from torch import Tensor

from fewshot_bench.errors import ConfigError


def descriptors(x: Tensor, channels: int | None) -> Tensor:
    """(..., D) maps (channels, height, width) laid flat, to (..., positions, channels).

    Without channels every feature is a map of one position.
    """
    return x.reshape(*x.shape[:-1], channels or x.shape[-1], -1).mT


def positions_of(features: int, channels: int | None) -> int:
    """Positions of maps laid flat; raises ConfigError if D is no multiple of the channels."""
    positions, rest = divmod(features, channels or features)
    if rest:
        raise ConfigError(
            f"{features} features are no maps of {channels} channels;"
            " set channels to what the backbone has at its end"
        )
    return positions
