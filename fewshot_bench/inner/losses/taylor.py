"""TaylorGLO's loss: a polynomial of third order in target and prediction.

Gonzalez, Miikkulainen: Optimizing Loss Functions Through Multivariate Taylor Polynomial
Parameterization, 2021, arXiv 2002.00059.

Departs from a published reimplementation (in the code of EvoMAL), which swaps the roles of target
and prediction: there, three coefficients multiply constants and can't be learned. Here all of
them reach the gradient of the prediction.
"""

from collections.abc import Sequence

from torch import Tensor

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.fixed import FixedLoss
from fewshot_bench.inner.losses.per_output import of_logits
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.nn.params import Params

N_COEFFICIENTS = 8


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


class TaylorGLO(FixedLoss):
    """:func:`taylor_loss` of the support set's probabilities, mean over instances.

    Args:
        coefficients: the 8 numbers that a search has found.
    """

    def __init__(self, coefficients: Sequence[float]) -> None:
        self.coefficients = tuple(coefficients)
        if len(self.coefficients) != N_COEFFICIENTS:
            raise ConfigError(
                f"TaylorGLO's loss has {N_COEFFICIENTS} coefficients, got {len(self.coefficients)}"
            )

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar, any sign."""
        return of_logits(self, phi, view.support_logits, view.support_labels)

    def of_outputs(self, phi: Params, prediction: Tensor, target: Tensor) -> Tensor:  # noqa: ARG002
        """Predictions and targets (N, C) to losses (N,)."""
        return taylor_loss(prediction.new_tensor(self.coefficients), prediction, target)
