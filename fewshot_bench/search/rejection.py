"""Cheap tests of a loss on predictions alone, without training a network.

The rejection protocol takes the outputs of an untrained network on a hundred training examples as
free variables and lets Adam minimise the loss over them. A loss that does not make them better
can't make a network better.

One test is ours: a loss whose gradient is zero on all of those outputs teaches nothing. Local
search could not mend it, since its gradient goes through the loss's, and the protocol would
leave the outputs as they are; so nothing but time is saved by asking this first.
"""

import torch
from torch import Tensor

from fewshot_bench.nn.norm import NormMode
from fewshot_bench.search.gradients import Losses
from fewshot_bench.supervised.data import SupervisedData
from fewshot_bench.supervised.models import Model
from fewshot_bench.supervised.train import WEIGHTS, errors, generator

N_SAMPLES = 100


def sampled_outputs(model: Model, data: SupervisedData, seed: int) -> tuple[Tensor, Tensor]:
    """Outputs (N, C) of an untrained network on the first training examples, and their targets."""
    x, y = data.train.batch(torch.arange(min(N_SAMPLES, len(data.train))))
    with torch.no_grad():
        return model(model.init(generator(seed, WEIGHTS)), x, NormMode(training=True)), y


def output_gradients(losses: Losses, outputs: Tensor, targets: Tensor) -> Tensor:
    """Gradients (K, N, C) of K losses, of their sum over instances, at outputs (N, C)."""
    return losses.gradients(outputs, targets)[1] * len(outputs)


def improves(losses: Losses, outputs: Tensor, targets: Tensor, steps: int, lr: float) -> Tensor:
    """Whether each of K losses lowers the error of the outputs, bool (K,).

    Args:
        losses: candidates.
        outputs: (N, C), where the predictions start.
        targets: int64 (N,), or float (N, C).
        steps: of Adam.
        lr: of Adam.
    """
    free = outputs.repeat(len(losses), 1, 1)
    adam = torch.optim.Adam([free], lr=lr)
    for _ in range(steps):
        _, free.grad = losses.gradients(free, targets)
        adam.step()
    # Never less where a prediction is no longer finite, since its error is NaN.
    return errors(free, targets).mean(-1) < errors(outputs, targets).mean(-1)
