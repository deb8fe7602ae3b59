"""Learning from labelled and from unlabelled images in turn.

Dhillon, Chaudhari, Ravichandran, Soatto: A Baseline for Few-Shot Image Classification, 2019, arXiv
1909.02729 (transductive fine-tuning).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.params import Params


@dataclass(frozen=True)
class SupportThenEntropy(InnerLoss):
    """Even steps: cross-entropy of the support set. Odd steps: mean entropy of the queries.

    Attributes:
        weight: of the entropy.
    """

    weight: float = 1.0

    transductive: ClassVar[bool] = True

    def sees_queries(self, step: int) -> bool:
        """In odd steps."""
        return step % 2 == 1

    def __call__(self, phi: Params, view: TaskView) -> Tensor:  # noqa: ARG002
        """Scalar, in nats."""
        if not self.sees_queries(view.step):
            return F.cross_entropy(view.support_logits, view.support_labels)
        if view.query_logits is None:
            raise ValueError("the entropy of the queries needs their logits")
        log_p = view.query_logits.log_softmax(dim=-1)
        return -self.weight * (log_p.exp() * log_p).sum(dim=-1).mean()
