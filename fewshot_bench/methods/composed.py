"""Methods put together from registered parts: an embedding with a classifier of its features.

``pretrained`` measures any transform, classifier and refiner on a backbone that was trained as a
classifier of the training classes; ``episodic`` also trains backbone and parts by episodes. What a
member is called, which parts it has and where it comes from stands in the catalogue
(:mod:`fewshot_bench.methods`).
"""

from typing import Any

from pydantic import Field

from fewshot_bench.config.names import ClassifierName, RefinerName, TransformName
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.methods.options import OptionGroup
from fewshot_bench.nn.backbone import build_backbone, is_given
from fewshot_bench.registry import CLASSIFIERS, REFINERS, TRANSFORMS

PartOptions = dict[str, Any]


class FeatureParts(OptionGroup):
    """The parts on top of an embedding.

    Attributes:
        classifier: registered name.
        transform: registered name; None leaves features as they are.
        refiner: registered name; None for an inductive method.
        classifier_options: of the classifier.
        transform_options: of the transform.
        refiner_options: of the refiner.
    """

    classifier: ClassifierName = "nearest-mean"
    transform: TransformName | None = None
    refiner: RefinerName | None = None
    classifier_options: PartOptions = Field(default_factory=dict)
    transform_options: PartOptions = Field(default_factory=dict)
    refiner_options: PartOptions = Field(default_factory=dict)

    def learner(self, setup: Setup, *, trains: bool, stages: tuple[str, ...]) -> EmbeddingLearner:
        """The parts on the backbone of a setup."""
        backbone = build_backbone(setup.backbone, setup.image, bn="running", trains=trains)
        known = {"channels": backbone.stages[-1].out_channels}  # of the maps that are laid flat
        optional = (
            (TRANSFORMS, self.transform, self.transform_options),
            (REFINERS, self.refiner, self.refiner_options),
        )
        transform, refiner = (
            None if name is None else registry.make(name, options, known)
            for registry, name, options in optional
        )
        return EmbeddingLearner(
            embedding=backbone,
            classifier=CLASSIFIERS.make(self.classifier, self.classifier_options, known),
            transform=transform,
            refiner=refiner,
            trains=trains,
            stages=stages,
        )


def pretrained(setup: Setup, parts: FeatureParts = FeatureParts()) -> EmbeddingLearner:  # noqa: B008
    """Compose a method on a pre-trained backbone; it has no training of its own.

    The backbone is trained as a classifier, unless it has weights from elsewhere.

    Args:
        setup: what it is built for.
        parts: on top of the backbone.
    """
    stages = () if is_given(setup.backbone) else ("classify",)
    return parts.learner(setup, trains=False, stages=stages)


def episodic(setup: Setup, parts: FeatureParts = FeatureParts()) -> EmbeddingLearner:  # noqa: B008
    """Compose a method whose backbone and parts are trained by episodes.

    Args:
        setup: what it is built for.
        parts: on top of the backbone. Training goes on from a pre-trained backbone where
            ``stages.classify`` is set.
    """
    return parts.learner(setup, trains=True, stages=())
