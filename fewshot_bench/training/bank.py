"""The activation bank: what leaves a frozen trunk, once per image, in place of images.

An array for each trunk and split lies in the cache, in a folder that is named by all that decides
its values: the weights that are run, the images in their order, and the code. So every training,
validation and evaluation that has this trunk shares it, and an older one is never taken for it. It
may be removed at any time.

The bank changes numbers by rounding only, and is part of no identity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from fewshot_bench.data.array_file import is_whole, read_rows, write_rows
from fewshot_bench.data.loader import EpisodeLoader
from fewshot_bench.data.pool import FeaturePool, ImagePool
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.features import block_size
from fewshot_bench.files import digest, safe_name
from fewshot_bench.lock import locked
from fewshot_bench.methods.base import FewShotMethod
from fewshot_bench.methods.trunk import Trunk
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.nn.params import Params
from fewshot_bench.training.context import Run
from fewshot_bench.training.fit import Observer
from fewshot_bench.training.identity import CODE_VERSION

BankMode: TypeAlias = Literal["auto", "off"]
ACTIVATIONS = "activations.npy"
DTYPE = "float32"


@dataclass(frozen=True, eq=False)
class Demand:
    """Episodes that somebody is going to load.

    Attributes:
        loader: of images.
        episodes: how many, roughly.
    """

    loader: EpisodeLoader
    episodes: int

    @property
    def images(self) -> int:
        """Images that have to be run through a trunk, one as often as it comes."""
        return self.episodes * self.loader.sampler.most_images


def check_mode(mode: str) -> None:
    """Raise ConfigError unless the mode is a known one."""
    if mode not in get_args(BankMode):
        raise ConfigError(f"--bank is one of {', '.join(get_args(BankMode))}, not {mode!r}")


def banked(
    run: Run, params: Params, demands: Sequence[Demand], observer: Observer
) -> tuple[FewShotMethod, list[EpisodeLoader]]:
    """A method from its trunk on, with loaders of the activations that leave the trunk.

    The method and the loaders stay as they are where there is no trunk, the data are no images, or
    so few episodes are wanted that a bank would be more work than it saves.

    Args:
        run: whose method and cache.
        params: parameters on the run's device; the trunk's are those of all its training.
        demands: what is going to be loaded.
        observer: told of the progress where a bank is made.
    """
    loaders = [demand.loader for demand in demands]
    trunk = run.method.trunk() if run.bank == "auto" else None
    pools = [loader.pool for loader in loaders if isinstance(loader.pool, ImagePool)]
    if trunk is None or len(pools) < len(loaders):
        return run.method, loaders
    banks = [_Bank(run, trunk, trunk.params_of(params), pool) for pool in pools]
    worth = sum(demand.images for demand in demands) >= sum(map(len, pools))
    if not worth and not all(is_whole(bank.path) for bank in banks):
        return run.method, loaders
    pairs = zip(banks, loaders, strict=True)
    return trunk.rest, [loader.of(bank.pool(loader, observer)) for bank, loader in pairs]


@dataclass(frozen=True, eq=False)
class _Bank:
    """Activations of one trunk on one pool.

    Attributes:
        run: whose cache, device and code.
        trunk: what is run.
        params: its parameters.
        images: the pool.
    """

    run: Run
    trunk: Trunk
    params: Params
    images: ImagePool

    @property
    def identity(self) -> str:
        """Hash of weights, stages, images with their order and normalisation, type and code."""
        pool = self.images
        classes = [list(pool.class_names), pool.class_sizes.tolist()]
        data = [pool.name, pool.fingerprint, classes, pool.mean, pool.std]
        stages = [repr(stage) for stage in self.trunk.stages]
        return digest(tensors_sha256(self.params), stages, data, DTYPE, self.run.code, CODE_VERSION)

    @property
    def path(self) -> Path:
        """The file, which is there when it is whole."""
        folder = f"{safe_name(self.images.name)}-{self.identity}"
        return self.run.cache("activations") / folder / ACTIVATIONS

    def pool(self, loader: EpisodeLoader, observer: Observer) -> FeaturePool:
        """The activations, made now if they are not there; ``loader`` gives the images."""
        path, n = self.path, len(self.images)
        if not is_whole(path):
            with locked(path.parent, f"the activations in {path.parent}"):
                if not is_whole(path):
                    self._make(path, loader, observer)
        source, (features, guard) = self.images, read_rows(path, n)
        return FeaturePool(
            name=source.name,
            class_names=source.class_names,
            class_sizes=source.class_sizes,
            fingerprint=f"{source.fingerprint}/{self.identity}",
            features=features,
            guard=guard,
            images_fingerprint=source.source_fingerprint,
        )

    def _make(self, path: Path, loader: EpisodeLoader, observer: Observer) -> None:
        n, size = len(self.images), block_size(loader.item_shape, loader.device)

        def rows(start: int, stop: int) -> NDArray[np.float32]:
            images = loader.gather(torch.arange(start, stop)[None])[0]
            values: NDArray[np.float32] = self.trunk(self.params, images).float().cpu().numpy()
            return values

        observer.begin(f"activations of {self.images.name} images", n, 1)
        write_rows(path, n, size, rows, lambda done: observer.step(done, 1, 0.0))
