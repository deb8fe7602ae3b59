"""Born-again networks: a network learns from the labels and from an earlier one of its own kind.

Tian et al.: Rethinking Few-Shot Image Classification, 2020, arXiv 2003.11539 (RFS-distill), after
Furlanello et al. 2018, arXiv 1805.04770.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def divergence(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """``T^2 KL(teacher || student)`` of (B, C) logits divided by T, the mean over the batch.

    Summed over classes. The factor keeps the gradient at the size of a cross-entropy's.

    Example:
        >>> logits = torch.tensor([[2.0, 1.0, 0.0]])
        >>> divergence(logits, logits + 3, 4.0).item()
        0.0
    """
    wanted = (teacher / temperature).log_softmax(dim=-1)
    found = (student / temperature).log_softmax(dim=-1)
    return temperature**2 * (wanted.exp() * (wanted - found)).sum(dim=-1).mean()


@dataclass(frozen=True)
class Teacher:
    """A trained classifier and how far it is listened to.

    Attributes:
        logits: (B, C, H, W) images to its logits, by running averages.
        temperature: of both softmaxes.
        alpha: share of the divergence; the objective has the rest.
    """

    logits: Callable[[Tensor], Tensor]
    temperature: float
    alpha: float

    def mixed(self, loss: Tensor, images: Tensor, student: Tensor) -> Tensor:
        """``(1 - alpha) * loss + alpha * divergence``.

        Args:
            loss: of the objective on the labels.
            images: the views that the student has seen.
            student: its (B, C) logits.
        """
        with torch.no_grad():
            wanted = self.logits(images)
        learned = divergence(wanted, student, self.temperature)
        return (1 - self.alpha) * loss + self.alpha * learned
