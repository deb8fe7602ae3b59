"""Proto-MAML: MAML whose head begins as nearest class mean, put together from parts.

Triantafillou et al.: Meta-Dataset, 2019, arXiv 1903.03096.
"""

from dataclasses import dataclass
from typing import ClassVar

from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.options import InnerOptions
from fewshot_bench.nn.backbone import build_backbone
from fewshot_bench.nn.heads import HEAD, Head, prototypes
from fewshot_bench.registry import METHODS


@dataclass(frozen=True)
class Means(Head):
    """With class means mu, weights 2 mu and biases -|mu|^2 compare squared distances to them."""

    sees_support: ClassVar[bool] = True

    def begin(self, params, support, support_labels, n_way):
        """Where the head of a task begins."""
        means = prototypes(support, support_labels, n_way)
        return {f"{HEAD}.weight": 2 * means, f"{HEAD}.bias": -means.square().sum(dim=1)}


@METHODS.register("my-proto-maml", setting="transductive_bn", summary="MAML from class means")
def proto_maml(setup, inner: InnerOptions = InnerOptions(order=1)):
    """Compose it."""
    embedding = build_backbone(setup.backbone, setup.image, bn=inner.bn)
    chosen = {"steps": inner.steps, "test_steps": inner.test_steps, "order": inner.order}
    return GradientLearner(
        embedding, setup.n_way, SGD(inner.lr), head=Means(), bn=inner.bn, **chosen
    )
