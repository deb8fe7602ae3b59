"""NPBML: initialisation, optimiser and loss learned together, and adapted to the task.

Raymond, Chen, Xue, Zhang: Meta-Learning Neural Procedural Biases, 2024, arXiv 2406.07983; chapter
of the thesis arXiv 2406.09713.

The first blocks are pre-trained and frozen. Tasks move the convolution of the last block, its FiLM
layer and the head, by steps that a warp layer behind the block preconditions, on cross-entropy plus
three loss networks. What tasks begin with, warp, FiLM and losses are learned outside. Everything
learned starts as identity, so that training starts as MAML on the last block.

Departures from the released code, whose behaviour ``as_released=True`` brings back where the two
differ in formulas: the transductive term has its own network; the regulariser sees a true L1 norm
and passes gradients; the vector that all heads start from is learned; normalisation of frozen
blocks uses the running averages of pre-training, of the others what ``bn`` says. The inner step is
plain gradient descent, as in the paper; the code has momentum 0.9 (Nesterov) and weight decay 5e-4,
which are options. Scale and shift of the last block's normalisation are learned outside. The warp
is linear up to its FiLM, without normalisation. Support set and queries are normalised apart; inner
steps of the code do it together, which ``bn="joint_steps"`` brings back. Blocks pool before their
FiLM layer, which is the same as long as it turns no channel round, and the last block pools like
the others. Without learned losses the shared head vector would be idle, so the head starts at zero
there (see :class:`fewshot_bench.nn.heads.ZeroHead`).
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from fewshot_bench.config.names import RefinerName
from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.procedural import TERMS, ProceduralLoss, Term
from fewshot_bench.inner.optimizers.clip import NormClip
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.optimizers.transform import Transformed
from fewshot_bench.inner.protocols import InnerOptimizer
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.npbml.learner import NPBML
from fewshot_bench.methods.npbml.relation import (
    LearnedRelation,
    PrototypeRelation,
    Relation,
    RelationNetwork,
)
from fewshot_bench.methods.options import Count, MetaOrder, PlainNorm, Rate, Share, Steps
from fewshot_bench.methods.refined import Refined
from fewshot_bench.nn.backbone import Backbone, Frozen, Stage, build_backbone
from fewshot_bench.nn.film import Conditioned, FilmMode
from fewshot_bench.nn.heads import HEAD, ConeHead, Head, ZeroHead
from fewshot_bench.nn.metric_heads import PrototypeHead
from fewshot_bench.nn.warp import WarpedBlock
from fewshot_bench.registry import REFINERS

Widths = Annotated[tuple[Count, ...], Field(min_length=1)]
RelationKind = Literal["network", "prototypes"]
Trunk = Literal["frozen", "learned"]
HeadKind = Literal["cone", "prototypes"]
FeatureKind = Literal["pooled", "flat"]
# Pixels up to which one block's steps on a few images are light work (benchmarks/meta_step.py).
SMALL = 32


def npbml(
    setup: Setup,
    warp: bool = True,
    losses: tuple[Term, ...] = TERMS,
    film: bool = True,
    film_mode: FilmMode = "instance",
    relation: RelationKind = "network",
    relation_widths: Widths = (64, 128, 256, 512),
    relation_temperature: Rate | None = None,
    trunk: Trunk = "frozen",
    adapted_blocks: Count = 1,
    head: HeadKind = "cone",
    features: FeatureKind = "pooled",
    order: MetaOrder = 2,
    steps: Steps = 5,
    test_steps: Steps = 5,
    lr: Rate = 0.01,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    weight_decay: Share = 0.0,
    inner_clip: Rate | None = None,
    loss_width: Count = 40,
    bn: PlainNorm = "batch",
    as_released: bool = False,
    refiner: RefinerName | None = None,
    refiner_options: dict[str, Any] | None = None,
) -> NPBML | Refined:
    """Compose NPBML.

    Args:
        setup: what it is built for.
        warp: precondition by a 3x3 convolution behind each adapted block.
        losses: which loss networks are added to cross-entropy.
        film: modulate the adapted blocks, their warps and the loss networks.
        film_mode: by each image itself, or by the mean of a batch, which mixes the queries.
        relation: what tells the transductive network how alike queries and classes are: a network
            trained before (``relation.*`` of the configuration), or prototypes.
        relation_widths: channels of the relation network's encoder.
        relation_temperature: divisor of the prototypes' squared distances; None for the square
            root of the number of features.
        trunk: blocks in front of the adapted ones: as pre-trained, or learned outside.
        adapted_blocks: how many of the last blocks tasks move.
        head: ``cone`` begins with one learned vector for all classes, as in the paper;
            ``prototypes`` with the class means of the support set and a learned temperature, which
            the paper does not have.
        features: ``pooled`` averages the last activations over the image, ``flat`` keeps them as
            pre-training selects them.
        order: see :func:`fewshot_bench.methods.maml.maml`.
        steps: inner steps in training.
        test_steps: inner steps at test.
        lr: inner learning rate.
        momentum: of the inner steps, Nesterov's.
        weight_decay: of the inner steps.
        inner_clip: longest inner gradient, ours: learned losses can explode.
        loss_width: of the hidden layers of the loss networks.
        bn: normalisation of the adapted blocks; those in front use running averages, which a
            trunk that is learned updates.
        as_released: formulas as in the released code where it departs from the paper.
        refiner: registered name of what makes the adapted queries agree, ours; None for the paper.
        refiner_options: of the refiner.

    Raises:
        ConfigError: more blocks to adapt than there are, or loss networks that nothing teaches.
    """
    if losses and order == 1:
        raise ConfigError("with order=1 no gradient reaches the loss networks; give losses=[]")
    if len(set(losses)) < len(losses):
        raise ConfigError(f"losses names a network twice: {', '.join(losses)}")
    backbone = _backbone(setup, bn, adapted_blocks, warp, film_mode if film else None, trunk)
    if features == "flat":
        backbone = _flat(setup, backbone)
    learner = NPBML(
        embedding=backbone,
        n_way=setup.n_way,
        optimizer=_optimizer(lr, momentum, weight_decay, inner_clip),
        head=_head(backbone, head, losses, as_released),
        adapt=_adapted(backbone.stages[-adapted_blocks:]),
        steps=steps,
        test_steps=test_steps,
        order=order,
        bn=bn,
        small_inner_step=trunk == "frozen" and setup.image.size <= SMALL,
    )
    if losses:
        loss = ProceduralLoss(setup.n_way, learner.n_adapted, losses, loss_width, film, as_released)
        scores = None
        if loss.transductive:
            scores = _relation(setup, relation, relation_widths, relation_temperature, backbone)
        learner = dataclasses.replace(learner, loss=loss, relation=scores)
    if refiner is None:
        return learner
    return Refined(learner, REFINERS.make(refiner, refiner_options or {}))


def _backbone(
    setup: Setup, bn: PlainNorm, adapted: int, warp: bool, film: FilmMode | None, trunk: Trunk
) -> Backbone:
    """Averaged features; layers of NPBML's own in the last blocks."""
    plain = build_backbone(setup.backbone, setup.image, bn="running")
    first = len(plain.stages) - adapted
    if first < 0:
        raise ConfigError(f"{setup.backbone} has {len(plain.stages)} blocks, not {adapted}")
    late = build_backbone(setup.backbone, setup.image, bn=bn).stages[first:]
    entering = [setup.image.channels, *(stage.out_channels for stage in plain.stages)]
    stages: list[Stage] = [
        Frozen(stage) if trunk == "frozen" else stage for stage in plain.stages[:first]
    ]
    for stage, channels in zip(late, entering[first:], strict=False):
        told: Stage = stage if film is None else Conditioned(stage, channels, film)
        stages.append(WarpedBlock(told, film=film) if warp else told)
    return Backbone(tuple(stages), feature_dim=stages[-1].out_channels, pool=True)


def _optimizer(
    lr: float, momentum: float, weight_decay: float, clip: float | None
) -> InnerOptimizer:
    sgd = SGD(lr, momentum, nesterov=momentum > 0, weight_decay=weight_decay)
    return sgd if clip is None else Transformed(NormClip(clip), sgd)


def _adapted(stages: tuple[Stage, ...]) -> Callable[[str], bool]:
    """Convolutions and FiLM layers of these blocks, and the head."""
    roles = {name: role for stage in stages for name, role in stage.roles().items()}
    chosen = frozenset(name for name, role in roles.items() if role in ("convolution", "film"))

    def adapt(name: str) -> bool:
        return name.startswith(f"{HEAD}.") or name in chosen

    return adapt


def _flat(setup: Setup, backbone: Backbone) -> Backbone:
    """The backbone with the features of the plain one, as far as that flattens them."""
    plain = build_backbone(setup.backbone, setup.image, bn="running")
    return dataclasses.replace(backbone, feature_dim=plain.feature_dim, pool=plain.pool)


def _head(backbone: Backbone, kind: HeadKind, losses: tuple[Term, ...], as_released: bool) -> Head:
    if kind == "prototypes":
        return PrototypeHead(scale_free=True)
    if not losses:
        return ZeroHead(backbone.feature_dim)
    return ConeHead(learned=not as_released)


def _relation(
    setup: Setup,
    kind: RelationKind,
    widths: tuple[int, ...],
    temperature: float | None,
    backbone: Backbone,
) -> Relation:
    if kind == "network":
        return LearnedRelation(RelationNetwork(setup.image, widths))
    return PrototypeRelation(temperature or math.sqrt(backbone.feature_dim))
