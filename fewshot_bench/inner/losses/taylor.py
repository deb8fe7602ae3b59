"""TaylorGLO's loss: a polynomial of third order in target and prediction.

Gonzalez, Miikkulainen: Optimizing Loss Functions Through Multivariate Taylor Polynomial
Parameterization, 2021, arXiv 2002.00059.

Departs from a published reimplementation (in the code of EvoMAL), which swaps the roles of target
and prediction: there, three coefficients multiply constants and can't be learned. Here all of
them reach the gradient of the prediction.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.per_output import of_logits
from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.params import Params

N_COEFFICIENTS = 8
COEFFICIENTS = "loss.coefficients"
# To second order around a probability of 1/2.
CROSS_ENTROPY = (0.0, 0.5, 0.0, 0.0, 0.0, 2.0, -4.0, 0.0)


def taylor_loss(coefficients: Tensor, prediction: Tensor, target: Tensor) -> Tensor:
    """Negative third-order Taylor polynomial, terms without the prediction left out.

    Args:
        coefficients: (8,); the first two are the point around which it is expanded, in the
            target and in the prediction.
        prediction: (N, C) probabilities, or (N, 1) outputs of a regression.
        target: (N, C), one-hot for classification.

    Returns:
        Losses (N,), summed over the last dimension; any sign.

    Raises:
        ConfigError: not 8 coefficients.
    """
    if coefficients.shape != (N_COEFFICIENTS,):
        raise ConfigError(
            f"TaylorGLO's loss has {N_COEFFICIENTS} coefficients, got shape"
            f" {tuple(coefficients.shape)}"
        )
    t = coefficients.unbind()
    x, y = target - t[0], prediction - t[1]
    of_prediction = t[2] + y * (t[3] / 2 + y * t[4] / 6)
    mixed = x * (t[5] + y * t[6] / 2 + x * t[7] / 2)
    return -(y * (of_prediction + mixed)).sum(dim=-1)


class TaylorGLO(InnerLoss):
    """:func:`taylor_loss` of the support set's probabilities, mean over instances.

    Args:
        coefficients: the 8 numbers that a search has found, frozen; None where they are
            meta-parameters, which then start as :data:`CROSS_ENTROPY`.
    """

    def __init__(self, coefficients: Sequence[float] | None = None) -> None:
        self.coefficients = None if coefficients is None else tuple(coefficients)
        if self.coefficients is not None and len(self.coefficients) != N_COEFFICIENTS:
            raise ConfigError(
                f"TaylorGLO's loss has {N_COEFFICIENTS} coefficients, got {len(self.coefficients)}"
            )

    def init(self, generator: torch.Generator) -> Params:  # noqa: ARG002
        """``loss.coefficients``, (8,), unless they are frozen."""
        return {COEFFICIENTS: torch.tensor(CROSS_ENTROPY)} if self.coefficients is None else {}

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar, any sign."""
        return of_logits(self, phi, view.support_logits, view.support_labels)

    def of_outputs(self, phi: Params, prediction: Tensor, target: Tensor) -> Tensor:
        """Predictions and targets (N, C) to losses (N,)."""
        if self.coefficients is None:
            return taylor_loss(phi[COEFFICIENTS], prediction, target)
        return taylor_loss(prediction.new_tensor(self.coefficients), prediction, target)
