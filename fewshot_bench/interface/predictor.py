"""A few labelled images to a classifier of new ones, which can be saved and served.

The support set is embedded once. A query then costs its own embedding and a small matrix product.
A model whose adaptation needs the support images themselves (the MAML family) keeps these instead,
and adapts anew for each call.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fewshot_bench.config import RunConfig, validated
from fewshot_bench.data.images import Decoding, decode
from fewshot_bench.data.loader import Episode
from fewshot_bench.data.readers.common import LARGEST_IMAGE
from fewshot_bench.data.transforms import Normalise
from fewshot_bench.errors import CheckpointError, DataError
from fewshot_bench.files import write_atomic
from fewshot_bench.interface.models import FixedEmbedding, module_features, parts_of
from fewshot_bench.methods.base import EmbeddingMethod, FewShotMethod, Setup
from fewshot_bench.methods.build import build_method
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.nn.params import Params
from fewshot_bench.reading import parse_json, read_bytes, require_regular, understood
from fewshot_bench.training.checkpoint import load_checkpoint
from fewshot_bench.training.given import backbone_of

if TYPE_CHECKING:
    import pandas as pd

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # per channel: mean, standard deviation
SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True)
class Preparation:
    """How image files become what a model takes.

    Attributes:
        decoding: size and colours.
        mean: per channel, of images in [0, 1].
        std: per channel, of images in [0, 1].
    """

    decoding: Decoding
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, paths: Sequence[Path]) -> Tensor:
        """Files to normalised float32 (B, C, H, W); raises DataError that names a bad one."""
        pixels = np.stack([self._read(path) for path in paths])
        images = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())
        return Normalise(self.mean, self.std)(images)

    def _read(self, path: Path) -> NDArray[np.uint8]:
        try:
            return decode(read_bytes(path, LARGEST_IMAGE), self.decoding).pixels
        except OSError as error:
            raise DataError(f"{path} can't be read: {error.strerror or error}") from error
        except ValueError as error:
            raise DataError(f"{path} can't be read as an image: {error}") from error


@dataclass(frozen=True, eq=False)
class Model:
    """What predicts: a method with its parameters, and how images are prepared for it.

    Attributes:
        method: an embedding with a classifier, or any other method.
        params: its parameters.
        prepare: of image files.
        identity: of its weights.
    """

    method: FewShotMethod
    params: Params
    prepare: Preparation
    identity: str


def trained_model(checkpoint: Path, n_way: int) -> Model:
    """A model file that ``fsbench train`` wrote.

    Raises:
        CheckpointError: missing, damaged, or made for another number of classes.
    """
    stored = load_checkpoint(checkpoint)
    info = stored.info
    if "config" not in info:
        raise CheckpointError(f"{checkpoint} is the state of a training, not a trained model")
    config, image = info["config"], ImageShape(info["image"]["channels"], info["image"]["size"])
    backbone = backbone_of(validated(RunConfig, config))
    method = build_method(config["method"], Setup(backbone, image, n_way), config["options"])
    if method.traits.ways not in (None, config["task"]["n_way"]):
        raise CheckpointError(
            f"{checkpoint} is for {config['task']['n_way']} classes, the support set has {n_way}"
        )
    prepare = Preparation(
        Decoding(image.size, image.channels, upright=True),
        tuple(info.get("mean") or (0.5,) * image.channels),
        tuple(info.get("std") or (0.25,) * image.channels),
    )
    identity = tensors_sha256(stored.params)
    return Model(method, stored.params, prepare, identity)


def frozen_model(
    module: nn.Module,
    *,
    classifier: str = "cosine",
    transform: str | None = None,
    image_size: int = 224,
    mean: Sequence[float] = IMAGENET[0],
    std: Sequence[float] = IMAGENET[1],
) -> Model:
    """Any module that gives features, with a registered classifier on top.

    Args:
        module: (B, C, H, W) to features; it is put into evaluation mode.
        classifier: registered name.
        transform: registered name, or None.
        image_size: side of the images in pixels.
        mean: per channel, of images in [0, 1]; its length is the number of channels.
        std: per channel, of images in [0, 1].
    """
    made, changed, _ = parts_of(classifier, transform, None)
    module = module.eval()
    method = FixedEmbedding(module_features(module), made, changed)
    prepare = Preparation(
        Decoding(image_size, len(mean), upright=True, fit="crop"), tuple(mean), tuple(std)
    )
    identity = tensors_sha256(module.state_dict())
    return Model(method, {}, prepare, identity)


@dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier of images, made of a few labelled ones.

    Attributes:
        model: what embeds and classifies.
        classes: names, in the order of the probabilities.
        support: features (S, D), or images where the model adapts to them.
        labels: int64 (S,), numbers of the classes.
    """

    model: Model
    classes: tuple[str, ...]
    support: Tensor
    labels: Tensor

    @classmethod
    def from_support(cls, folder: Path | str, model: Any, **options: Any) -> "Classifier":
        """Make one of a folder ``class/image``.

        Args:
            folder: a sub-folder of images for each class, two at least.
            model: path of a trained model, an ``nn.Module`` that gives features (``options`` as of
                :func:`frozen_model`), or a :class:`Model`.
            options: of a module.

        Raises:
            DataError: fewer than two classes with images, or a file that is no image.
        """
        files = support_files(Path(folder))
        names = tuple(files)
        if isinstance(model, nn.Module):
            model = frozen_model(model, **options)
        elif not isinstance(model, Model):
            model = trained_model(Path(model), len(names))
        images = model.prepare([path for paths in files.values() for path in paths])
        labels = [i for i, paths in enumerate(files.values()) for _ in paths]
        return cls(model, names, _stored(model, images), torch.tensor(labels))

    def probabilities(self, images: Tensor) -> Tensor:
        """Normalised images (B, C, H, W) to probabilities (B, classes)."""
        method, params = self.model.method, self.model.params
        with torch.no_grad():
            if isinstance(method, EmbeddingMethod):
                query = method.embed(params, images)
                logits = method.classify(
                    params, self.support, self.labels, query, len(self.classes)
                )
            else:
                episode = Episode(self.support, self.labels, images, None, len(self.classes))
                logits = method.predict(params, episode)
        return logits.softmax(dim=1)

    def predict(self, paths: Sequence[Path | str] | Path | str) -> "pd.DataFrame":
        """Class and probabilities of image files.

        Args:
            paths: files, or one folder whose images are taken.

        Returns:
            One row per image: ``image``, ``class``, and the probability of each class.
        """
        import pandas as pd

        files = query_files(paths)
        shares = self.probabilities(self.model.prepare(files)).numpy()
        best = [self.classes[i] for i in shares.argmax(axis=1)]
        table = pd.DataFrame(shares, columns=list(self.classes))
        table.insert(0, "class", best)
        table.insert(0, "image", [str(file) for file in files])
        return table

    def save(self, path: Path | str) -> None:
        """Write support set and class names; the model itself stays where it is."""
        header = {"classes": json.dumps(self.classes), "model": self.model.identity}
        tensors = {"support": self.support.contiguous(), "labels": self.labels}
        write_atomic(Path(path), safetensors.torch.save(tensors, metadata=header))

    @classmethod
    def load(cls, path: Path | str, model: Any, **options: Any) -> "Classifier":
        """Read what :meth:`save` wrote; the model must be the one that it was made with.

        Raises:
            CheckpointError: damaged, or made with another model.
        """
        classes, support, labels, made_with = _support_set(Path(path))
        if isinstance(model, nn.Module):
            model = frozen_model(model, **options)
        elif not isinstance(model, Model):
            model = trained_model(Path(model), len(classes))
        if model.identity != made_with:
            raise CheckpointError(f"{path} was made with another model; make it again")
        return cls(model, classes, support, labels)


def _support_set(path: Path) -> tuple[tuple[str, ...], Tensor, Tensor, str]:
    """Classes, images or features, their labels, and the model's identity, from a file."""
    with understood(path, "saved support set", kind=CheckpointError):
        require_regular(path)
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            support, labels = file.get_tensor("support"), file.get_tensor("labels")
        names = parse_json(header["classes"])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("the names of its classes are no list of texts")
        if labels.dtype != torch.int64 or labels.shape != support.shape[:1] or not len(labels):
            raise ValueError("its labels do not fit its images")
        if not 0 <= int(labels.min()) <= int(labels.max()) < len(names):
            raise ValueError("a label is none of its classes")
        return tuple(names), support, labels, header["model"]


def _stored(model: Model, images: Tensor) -> Tensor:
    if not isinstance(model.method, EmbeddingMethod):
        return images
    with torch.no_grad():
        return model.method.embed(model.params, images)


def support_files(folder: Path) -> dict[str, list[Path]]:
    """Image files of each class of a folder ``class/image``, sorted.

    Raises:
        DataError: fewer than two classes with images.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; give one with a sub-folder for each class")
    found = {child.name: _images(child) for child in sorted(folder.iterdir()) if child.is_dir()}
    files = {name: paths for name, paths in found.items() if paths}
    if len(files) < 2:
        raise DataError(f"{folder} has {len(files)} sub-folders with images; two classes or more")
    return files


def query_files(paths: Sequence[Path | str] | Path | str) -> list[Path]:
    """Files as they are, and the images of folders; raises DataError if there are none."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    files: list[Path] = []
    for path in map(Path, given):
        files += _images(path) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{given[0] if given else 'the list'} holds no images")
    return files


def _images(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES)
