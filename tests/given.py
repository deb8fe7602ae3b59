"""Networks of other libraries with random weights, as their training scripts would save them."""

import torch
from torchvision import models


def random_network(seed, name="resnet18"):
    """A classifier of torchvision in evaluation mode; torch's global state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return models.get_model(name, weights=None).eval()


def saved(path, network, prefix="", wrap=None):
    """Save weights under names with a prefix, in a dictionary called ``wrap`` if that is given."""
    state = {f"{prefix}{name}": value for name, value in network.state_dict().items()}
    torch.save({wrap: state, "epoch": 3} if wrap else state, path)
    return path


def images(count, size, channels=3):
    """float32 (count, channels, size, size)."""
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(7))
