"""A small classification and a small regression that take no time."""

import torch

from fewshot_bench.supervised.data import Examples, SupervisedData
from fewshot_bench.supervised.models import MLP

FEATURES, CLASSES = 5, 3


def make_data(task="classification", n=(40, 20, 20), dtype=torch.float32):
    """Noisy linear rules."""
    generator = torch.Generator().manual_seed(1)
    rule = torch.randn(FEATURES, CLASSES, generator=generator, dtype=dtype)
    parts = []
    for size in n:
        x = torch.randn(size, FEATURES, generator=generator, dtype=dtype)
        noise = 0.3 * torch.randn(size, CLASSES, generator=generator, dtype=dtype)
        y = x @ rule + noise
        parts.append(Examples(x, y.argmax(dim=1) if task == "classification" else y))
    return SupervisedData("rule", task, CLASSES, *parts)


MODEL = MLP((FEATURES, 8, CLASSES))


class Double:
    """A model whose parameters are float64."""

    def __init__(self, model=MODEL):
        self.model = model

    def init(self, generator):
        return {name: value.double() for name, value in self.model.init(generator).items()}

    def __call__(self, params, x, mode):
        return self.model(params, x, mode)
