"""Weights and features from elsewhere, as a run of a configuration has them."""

import dataclasses
import logging

from fewshot_bench.config import RunConfig
from fewshot_bench.config.stages import CLASSIFY
from fewshot_bench.data.adapted import AdaptedStore, Wanted, adapted
from fewshot_bench.data.features.store import FeatureStore
from fewshot_bench.data.features.table import Embedding
from fewshot_bench.data.opened import Store
from fewshot_bench.data.store import ImageStore
from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.backbone import FEATURES, BackboneChoice
from fewshot_bench.nn.given.backbone import given_identity, image_record, note_on, open_given

_log = logging.getLogger(__name__)


def is_foreign(backbone: str) -> bool:
    """Whether a backbone is a network of another library."""
    return ":" in backbone


def backbone_of(config: RunConfig) -> str | BackboneChoice:
    """The backbone of a configuration, with its weights where it is one of another library."""
    if not is_foreign(config.backbone):
        return config.backbone
    stage = config.stages.get(CLASSIFY)
    trained = stage is not None and stage.steps > 0
    return BackboneChoice(config.backbone, config.weights or "", config.input_size, trained)


def check_given(config: RunConfig, store: Store) -> None:
    """Raise ConfigError for settings that contradict each other."""
    if isinstance(store, FeatureStore) != (config.backbone == FEATURES):
        raise ConfigError(
            f"benchmark {config.benchmark} and backbone {config.backbone} do not go together:"
            " features:FILE goes with the backbone features, which is no backbone of images"
        )
    named = {"weights": config.weights, "input_size": config.input_size}
    said = [name for name, value in named.items() if value is not None]
    if said and not is_foreign(config.backbone):
        raise ConfigError(
            f"{said[0]} goes with a backbone torchvision:NAME, timm:NAME or module:PLACE:MAKE, not"
            f" {config.backbone}"
        )


def embedding_of(config: RunConfig, store: Store) -> Embedding | None:
    """What was learned elsewhere: the weights of a backbone, or features; None for nothing."""
    if isinstance(store, FeatureStore):
        return _told(store.embedding, config)
    backbone = backbone_of(config)
    if not isinstance(backbone, BackboneChoice) or not backbone.is_given:
        return None
    return embedding_by(backbone, config.trained_on)


def embedding_by(backbone: BackboneChoice, trained_on: str | None = None) -> Embedding:
    """What a backbone of another library is, for records and identities.

    Args:
        backbone: with its weights.
        trained_on: what the user says of them; None for what they say themselves.
    """
    opened = open_given(backbone)
    return Embedding(
        sha256=given_identity(backbone),
        backbone=backbone.name,
        weights=opened.network.weights,
        n_params=opened.n_params,
        trained_on=trained_on or opened.network.trained_on,
        preprocessing=image_record(backbone).table(),
    )


def _told(embedding: Embedding, config: RunConfig) -> Embedding:
    """With what the user says of it."""
    if config.trained_on is None:
        return embedding
    return dataclasses.replace(embedding, trained_on=config.trained_on)


def as_taken(store: ImageStore | AdaptedStore, backbone: str | BackboneChoice) -> Store:
    """The images with the channels and the normalisation that a backbone takes.

    Their size is changed by the backbone itself, image by image, because a store of the larger
    images would be many times as large.
    """
    if not isinstance(backbone, BackboneChoice):
        return store
    opened, record = open_given(backbone), image_record(backbone)
    if note := note_on(opened):
        _log.warning("fsbench: note: %s", note)
    have = store.manifest
    channels = record.channels or have.channels
    mean, std = record.mean or have.mean, record.std or have.std
    if record.mean and len(record.mean) != channels:
        raise ConfigError(f"{backbone} takes {channels} channels, its mean has {len(mean)}")
    if record.size and record.size > have.image_size:
        _log.warning(
            "fsbench: note: images of %d pixels are enlarged to %d for %s; with --image-size %d"
            " they are read in that size",
            *(have.image_size, record.size, backbone, record.size),
        )
    taken = adapted(store, Wanted(have.image_size, channels, mean, std))
    size = record.size or have.image_size
    network = {"network_input": f"{size}x{size}, {record.interpolation}"}
    record_of_all = {**taken.manifest.preprocessing, **network}
    manifest = dataclasses.replace(taken.manifest, preprocessing=record_of_all)
    return dataclasses.replace(taken, manifest=manifest)
