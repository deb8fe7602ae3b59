"""Ridge regression for frozen features: free intercept, penalty chosen by leaving one out."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.options import Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import ridge_weights
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params


def leave_one_out_errors(support: Tensor, targets: Tensor, penalties: Tensor) -> Tensor:
    """Mean squared error (summed over classes) of each item under the fit to the others.

    Args:
        support: (..., S, D), float64.
        targets: (..., S, N) one-hot.
        penalties: (P,).

    Returns:
        (..., P), exact, from one eigendecomposition of the centred inner products.
    """
    centred = support - support.mean(dim=-2, keepdim=True)
    mean = targets.mean(dim=-2, keepdim=True)
    values, vectors = torch.linalg.eigh(centred @ centred.mT)
    values = values.clamp(min=0).unsqueeze(-2)
    kept = (values / (values + penalties.unsqueeze(-1))).unsqueeze(-2)  # (..., P, 1, S)
    axes = vectors.unsqueeze(-3)
    fitted = (axes * kept) @ (axes.mT @ (targets - mean).unsqueeze(-3)) + mean.unsqueeze(-3)
    leverage = (axes * axes * kept).sum(dim=-1, keepdim=True) + 1 / support.shape[-2]
    errors: Tensor = (targets.unsqueeze(-3) - fitted) / (1 - leverage)
    return (errors * errors).sum(dim=-1).mean(dim=-1)


@dataclass(frozen=True)
class LeaveOneOutRidge(Classifier):
    """Centred ridge; each episode takes the penalty with the smallest leave-one-out error.

    Where a class has one shot, leaving it out leaves a class nobody has seen: such episodes take
    the fixed penalty.

    Attributes:
        penalties: the candidates.
        one_shot_penalty: for episodes in which a class has one shot; also without candidates.
        scale: factor of the scores.
    """

    penalties: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0)
    one_shot_penalty: Rate = 0.1
    scale: Rate = 10.0

    def __call__(
        self,
        params: Params,  # noqa: ARG002
        support: Tensor,
        support_labels: Tensor,
        query: Tensor,
        n_way: int,
    ) -> Tensor:
        """(..., Q, N)."""
        items = support.double()
        targets = one_hot(support_labels, n_way, items.dtype)
        penalty = self._penalty(items, targets)[..., None, None]
        mean, share = items.mean(dim=-2, keepdim=True), targets.mean(dim=-2, keepdim=True)
        weights = ridge_weights(items - mean, targets - share, penalty)
        return (self.scale * ((query.double() - mean) @ weights + share)).to(query.dtype)

    def _penalty(self, items: Tensor, targets: Tensor) -> Tensor:
        """The penalty of each episode (...)."""
        fixed = items.new_full(items.shape[:-2], self.one_shot_penalty)
        if not self.penalties:
            return fixed
        penalties = items.new_tensor(self.penalties)
        best = penalties[leave_one_out_errors(items, targets, penalties).argmin(dim=-1)]
        return torch.where(targets.sum(dim=-2).amin(dim=-1) > 1, best, fixed)
