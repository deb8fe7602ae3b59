"""Networks with random weights in files, as other libraries would save them."""

import torch
import torchvision


def random_network(seed, name="resnet18"):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torchvision.models.get_model(name, weights=None).eval()
