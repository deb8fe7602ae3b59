"""Ridge regression onto one-hot labels: one linear system for each episode, in float64."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.classifiers.scale import init_scale, scale_of
from fewshot_bench.methods.options import Rate
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.algebra import ridge_weights
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params

PENALTY = "classifier.log_penalty"


def with_ones(x: Tensor) -> Tensor:
    """Features (..., n, D) with a column of ones after them."""
    return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)


@dataclass(frozen=True)
class R2D2(Classifier):
    """Ridge on the mean squared error with a penalised intercept.

    Bertinetto, Henriques, Torr, Vedaldi: Meta-learning with differentiable closed-form solvers,
    2018, arXiv 1805.08136.

    Attributes:
        penalty: weight of the squared norm beside the mean squared error.
        scale: factor of the scores, which are no log-probabilities by themselves.
        learned: whether the scale is a parameter. The paper learns a bias beside it that all
            classes share; no softmax sees it, so it is left out.
        learned_penalty: whether the penalty is one, through its logarithm.
    """

    penalty: Rate = 50.0
    scale: Rate = 10.0
    learned: bool = False
    learned_penalty: bool = False

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """Scale and log-penalty, as far as they are learned."""
        params = init_scale(self.scale, self.learned)
        if self.learned_penalty:
            params[PENALTY] = torch.tensor(self.penalty).log()
        return params

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N)."""
        penalty = params[PENALTY].exp() if PENALTY in params else self.penalty
        targets = one_hot(support_labels, n_way, support.dtype)
        weights = ridge_weights(with_ones(support), targets, penalty * support.shape[-2])
        return scale_of(params, self.scale) * (with_ones(query) @ weights)


@dataclass(frozen=True)
class Ridge(Classifier):
    """Ridge on the sum of squared errors without an intercept.

    With scale 2 this is the optimum of the ridge head of MetaOptNet (Lee et al. 2019, arXiv
    1904.03758), whose code reaches it by an interior-point solver with empty constraints.

    Attributes:
        penalty: weight of the squared norm.
        scale: factor of the scores.
        learned: whether the scale is a parameter, which starts there.
    """

    penalty: Rate = 1.0
    scale: Rate = 1.0
    learned: bool = False

    def init(self, features: int, generator: torch.Generator) -> Params:  # noqa: ARG002
        """The scale, where it is learned."""
        return init_scale(self.scale, self.learned)

    def __call__(
        self, params: Params, support: Tensor, support_labels: Tensor, query: Tensor, n_way: int
    ) -> Tensor:
        """(..., Q, N)."""
        targets = one_hot(support_labels, n_way, support.dtype)
        return scale_of(params, self.scale) * (
            query @ ridge_weights(support, targets, self.penalty)
        )
