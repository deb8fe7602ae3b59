"""Features computed once, and any classifier on them in milliseconds.

The forms of feature files are those of :mod:`fewshot_bench.data.features.files`. A file that
:func:`embed` wrote also says which images it is of and what computed it, so that results on the
features of two networks are of the same episodes.
"""

from pathlib import Path

from torch import nn

from fewshot_bench.config import RunConfig
from fewshot_bench.data.features.files import check_suffix, write_table
from fewshot_bench.data.features.store import SCHEME, FeatureStore
from fewshot_bench.data.features.table import Embedding
from fewshot_bench.data.opened import Store
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation import embed as blocks
from fewshot_bench.evaluation.embed import Function, Progress
from fewshot_bench.interface.data import Data, of_features
from fewshot_bench.interface.models import module_features
from fewshot_bench.lock import locked
from fewshot_bench.nn.backbone import BackboneChoice, ImageShape, build_backbone
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.training.given import as_taken, backbone_of, embedding_by


def embed(
    module: nn.Module | str,
    data: Data,
    path: Path | str | None = None,
    *,
    weights: Path | str | None = None,
    trained_on: str = "",
    input_size: int | None = None,
    device: str = "cpu",
) -> Data:
    """Features of all images of a benchmark.

    Args:
        module: (B, C, H, W) normalised images to features, which is put into evaluation mode; or
            the name of a backbone of another library, as ``torchvision:resnet18``.
        data: the images.
        path: ``.npz``, ``.safetensors`` or ``.parquet`` file to write. What a stopped call has done
            lies beside it and is used again. None keeps the features in memory only.
        weights: of a backbone by name: a file, or ``default``.
        trained_on: what the weights have seen besides training classes of the benchmark, where
            they don't tell; results on such features are ranked apart.
        input_size: side that images are resized to for a backbone by name.
        device: where they are computed.

    Returns:
        The same splits as features; :func:`fewshot_bench.api.load` of ``features:PATH`` gives them
        again.

    Raises:
        ConfigError: unknown backbone or form of file, or a backbone without weights.
        CheckpointError: the weights do not fit.
    """
    store = data.store
    if store is None:
        raise ConfigError("these data have neither images nor features")
    file = None if path is None else Path(path)
    spec = f"{SCHEME}{file or 'in memory'}"
    if isinstance(module, str):
        config = named_backbone(module, weights, trained_on, input_size)
        return of_features(embed_by_name(config, store, file, device=device), spec)
    module = module.to(device).eval()
    identity = tensors_sha256(module.state_dict())
    count = sum(p.numel() for p in module.parameters())
    known = Embedding(identity, type(module).__name__, n_params=count, trained_on=trained_on)
    computed = embed_to_file(module_features(module), store, known, file, device=device)
    return of_features(computed, spec)


def named_backbone(
    name: str, weights: Path | str | None, trained_on: str | None, input_size: int | None
) -> RunConfig:
    """The part of a configuration that names a backbone with weights."""
    return RunConfig(
        backbone=name,
        weights=None if weights is None else str(weights),
        trained_on=trained_on or None,
        input_size=input_size,
    )


def embed_by_name(
    config: RunConfig,
    store: Store,
    path: Path | None,
    *,
    device: str = "cpu",
    progress: Progress = lambda *_: None,
) -> FeatureStore:
    """Features by a backbone of another library.

    Args:
        config: see :func:`named_backbone`.
        store: the images.
        path: see :func:`embed`.
        device: where they are computed.
        progress: told how many images are done, of how many.

    Raises:
        ConfigError: it is no such backbone, or has no weights, or the data are features.
    """
    backbone = backbone_of(config)
    if not isinstance(backbone, BackboneChoice) or not backbone.is_given:
        raise ConfigError(
            f"{config.backbone} has no weights to embed with: take torchvision:NAME or timm:NAME"
            " with --weights FILE or default, or module:PLACE:MAKE"
        )
    if isinstance(store, FeatureStore):
        raise ConfigError("these data are features already")
    taken = as_taken(store, backbone)
    manifest = taken.manifest
    shape = ImageShape(manifest.channels, manifest.image_size)
    network = build_backbone(backbone, shape, bn="running", trains=False)
    known = embedding_by(backbone, config.trained_on)
    at_test = NormMode(training=False)
    return embed_to_file(
        lambda images: network({}, images, at_test),
        taken,
        known,
        path,
        device=device,
        progress=progress,
    )


def embed_to_file(
    function: Function,
    store: Store,
    embedding: Embedding,
    path: Path | None,
    *,
    device: str = "cpu",
    progress: Progress = lambda *_: None,
) -> FeatureStore:
    """Features in memory, and in a file if one is named; see :func:`embed`."""
    if path is None:
        return blocks.embed(function, store, embedding, device=device, progress=progress)
    check_suffix(path)
    scratch = blocks.scratch_folder(path)
    with locked(scratch, f"the features in {path}"):
        features = blocks.embed(
            function, store, embedding, device=device, scratch=scratch, progress=progress
        )
        write_table(path, features.table())
        blocks.clear(scratch)
    return features
