"""A ridge regression onto the labels of each episode, through which the backbone is trained.

Bertinetto et al.: Meta-learning with differentiable closed-form solvers, 2018, arXiv 1805.08136.
"""

from dataclasses import dataclass

import torch

from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.methods.parts import Classifier
from fewshot_bench.nn.backbone import build_backbone
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.registry import METHODS


@dataclass(frozen=True)
class RidgeHead(Classifier):
    """Scores of a ridge regression, with a learned factor and penalty."""

    penalty: float

    def init(self, features, generator):
        """Logarithms of both."""
        return {
            "classifier.log_penalty": torch.tensor(self.penalty).log(),
            "classifier.log_scale": torch.zeros(()),
        }

    def __call__(self, params, support, support_labels, query, n_way):
        """Logits (..., Q, n_way), by a system as large as the support set."""
        kernel = support @ support.mT
        penalty = params["classifier.log_penalty"].exp()
        system = kernel + penalty * torch.eye(kernel.shape[-1]).to(kernel)
        weights = torch.linalg.solve(system, one_hot(support_labels, n_way, support.dtype))
        return params["classifier.log_scale"].exp() * (query @ support.mT @ weights)


@METHODS.register("my-ridge", setting="inductive", summary="ridge regression in each episode")
def ridge(setup, penalty: float = 1.0):
    """Compose it."""
    embedding = build_backbone(setup.backbone, setup.image, bn="running")
    return EmbeddingLearner(embedding, RidgeHead(penalty))
