"""A pre-trained network tuned as a whole on the support set of each test episode.

``fine_tune`` is the transfer baseline of Luo et al.: A Closer Look at Few-shot Classification
Again, 2023, arXiv 2301.12246: features of length 1, a linear head, a rate for the head and one for
the body. Here the head begins at the class means, which is safer with one shot than their start,
and rates are constant; theirs fall along a cosine.

``transductive_fine_tune`` is Dhillon et al.: A Baseline for Few-Shot Image Classification, 2019,
arXiv 1909.02729: steps on the support labels and on the entropy of the queries in turn. Not as
there: features are those of the backbone, not the rectified logits of the training classes; images
are not augmented; and normalisation keeps the running averages of the pre-training, so the entropy
alone lets queries see each other.

There is no training by episodes: the network is what the pre-training made of it.
"""

import dataclasses
from dataclasses import dataclass

from fewshot_bench.inner.losses.entropy import SupportThenEntropy
from fewshot_bench.inner.optimizers.adam import Adam
from fewshot_bench.inner.optimizers.head_and_body import head_and_body
from fewshot_bench.methods.base import Setup, Traits
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.maml import Adapted, moving
from fewshot_bench.methods.options import PlainNorm, Rate, Share, Steps, Weight
from fewshot_bench.nn.backbone import build_backbone, is_given
from fewshot_bench.nn.metric_heads import CosinePrototypeHead


@dataclass(frozen=True)
class Pretrained(Delegating):
    """A gradient learner that starts every task from the pre-trained network.

    Attributes:
        method: what adapts at test.
        stages: trainings that must have been before.
    """

    method: GradientLearner
    stages: tuple[str, ...] = ("classify",)

    @property
    def traits(self) -> Traits:
        """No training of its own."""
        return dataclasses.replace(self.method.traits, trains=False, stages=self.stages)


def fine_tune(
    setup: Setup,
    steps: Steps = 25,
    lr: Rate = 1e-3,
    head_lr: Rate = 1e-2,
    momentum: Share = 0.9,
    scale: Rate = 10.0,
    adapt: Adapted = "all",
    bn: PlainNorm = "running",
) -> Pretrained:
    """Compose fine-tuning.

    Args:
        setup: what it is built for.
        steps: gradient steps on the whole support set; 0 is the cosine to the class means.
        lr: of the body.
        head_lr: of the head.
        momentum: of both.
        scale: factor of the cosines.
        adapt: which parameters move; ``head`` for a linear head on fixed features.
        bn: policy of the normalisation.
    """
    embedding = build_backbone(setup.backbone, setup.image, bn=bn)
    learner = GradientLearner(
        embedding=embedding,
        n_way=setup.n_way,
        optimizer=head_and_body(lr, head_lr, momentum),
        head=CosinePrototypeHead(scale),
        adapt=moving(adapt, embedding),
        test_steps=steps,
        bn=bn,
    )
    return Pretrained(learner, () if is_given(setup.backbone) else ("classify",))


def transductive_fine_tune(
    setup: Setup,
    epochs: Steps = 25,
    lr: Rate = 5e-5,
    weight: Weight = 1.0,
    scale: Rate = 1.0,
    adapt: Adapted = "all",
    bn: PlainNorm = "running",
) -> Pretrained:
    """Compose transductive fine-tuning.

    Args:
        setup: what it is built for.
        epochs: pairs of a step on the support set and one on the queries.
        lr: of Adam, for all parameters.
        weight: of the entropy; 0 is inductive.
        scale: factor of the cosines.
        adapt: which parameters move.
        bn: policy of the normalisation.
    """
    embedding = build_backbone(setup.backbone, setup.image, bn=bn)
    learner = GradientLearner(
        embedding=embedding,
        n_way=setup.n_way,
        optimizer=Adam(lr),
        loss=SupportThenEntropy(weight),
        head=CosinePrototypeHead(scale),
        adapt=moving(adapt, embedding),
        test_steps=2 * epochs,
        bn=bn,
    )
    return Pretrained(learner, () if is_given(setup.backbone) else ("classify",))
