"""A learned choice of the rows that a task may move: the masks of MT-Net.

Lee, Choi: Gradient-Based Meta-Learning with Learned Layerwise Metric and Subspace, 2018,
arXiv 1801.05558.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.optimizers.transform import Transformed
from fewshot_bench.inner.protocols import GradientTransform
from fewshot_bench.nn.params import Params

TINY = 1e-20


@dataclass(frozen=True)
class RowMasks(GradientTransform):
    """A binary mask over output channels of each convolution, drawn once for each task.

    A row moves with probability sigmoid(logit). The draw is a Gumbel-softmax between the logit and
    zero; forward it is rounded to 0 or 1, backward it is not (straight through), as released.
    The head is never masked: its rows are classes, and a task can do without none of them.

    Attributes:
        convolutions: names of the convolutions' weights.
        temperature: of the softmax.
        hard: round; without, the meta-gradient is exact.
        logit: where all logits start.
        draws: tells that a task's own random numbers are needed.
    """

    convolutions: frozenset[str]
    temperature: float = 1.0
    hard: bool = True
    logit: float = 0.0
    draws: ClassVar[bool] = True

    def init(self, adapted: Params, generator: torch.Generator) -> Params:  # noqa: ARG002
        """``optimizer.mask.<name>`` of shape (out,) for each convolution."""
        return {
            f"optimizer.mask.{name}": torch.full((len(value),), self.logit)
            for name, value in adapted.items()
            if name in self.convolutions
        }

    def prepare(self, omega: Params, adapted: Params, generator: torch.Generator | None) -> Params:
        """Draw the masks of one task, (out, 1, 1, 1) each; the order of names is fixed."""
        if generator is None:  # torch would draw from its global source
            raise ValueError("masks need the task's own random numbers")
        masks: Params = {}
        for name in sorted(adapted):
            logits = omega.get(f"optimizer.mask.{name}")
            if logits is None:
                continue
            uniform = torch.rand(2, len(logits), generator=generator).to(logits)
            gumbel = -torch.log(-torch.log(uniform + TINY) + TINY)
            soft = torch.sigmoid((logits + gumbel[0] - gumbel[1]) / self.temperature)
            mask = soft + (soft.round() - soft).detach() if self.hard else soft
            masks[name] = mask.view(-1, 1, 1, 1)
        return masks

    def __call__(self, omega: Params, grads: Params, prepared: Params) -> Params:  # noqa: ARG002
        """Stop the rows that the mask leaves out."""
        return {
            name: grad * prepared[name] if name in prepared else grad
            for name, grad in grads.items()
        }


def row_masks(
    convolutions: frozenset[str], lr: float = 0.01, temperature: float = 1.0
) -> Transformed:
    """Masked gradients in front of steps with one rate."""
    return Transformed(RowMasks(convolutions, temperature), SGD(lr))
