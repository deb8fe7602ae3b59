"""Cross-entropy of the support labels: what MAML minimises inside."""

import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.params import Params


class CrossEntropy(InnerLoss):
    """Mean over the support set."""

    def __call__(self, phi: Params, view: TaskView) -> Tensor:  # noqa: ARG002
        """Scalar in nats."""
        return F.cross_entropy(view.support_logits, view.support_labels)
