"""Prototypical Networks: classify by the nearest class mean in a learned feature space.

Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, 2017, arXiv 1703.05175.

Logits are negative squared Euclidean distances to the mean support feature of each class. Batch
normalisation uses running averages at test, so each query is classified alone (inductive).
Distances of pooled features (``resnet12``) are of another scale than the paper's flattened ones;
``temperature`` divides them.
"""

from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.classifiers.prototypes import NearestMean
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.methods.options import Rate
from fewshot_bench.nn.backbone import build_backbone


def protonet(setup: Setup, temperature: Rate = 1.0) -> EmbeddingLearner:
    """Compose ProtoNet.

    Args:
        setup: what it is built for.
        temperature: divisor of the distances.
    """
    embedding = build_backbone(setup.backbone, setup.image, bn="running")
    return EmbeddingLearner(embedding, NearestMean(scale=1 / temperature))
