"""What the user calls an embedding, and the sets of weights that it stands for."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from fewshot_bench.config import read_toml
from fewshot_bench.errors import CheckpointError, ConfigError
from fewshot_bench.files import expanded, safe_name
from fewshot_bench.grids.column import Column
from fewshot_bench.grids.configured import Configured, Stored
from fewshot_bench.grids.given import FeatureFile, OtherModel
from fewshot_bench.grids.request import Request, measures_features
from fewshot_bench.registry import METHODS
from fewshot_bench.training.checkpoint import load_checkpoint

_NAMED = re.compile(r"([\w.+-]+)=(.+)", re.DOTALL)
_PER_METHOD = ("method", "options")
Embeddings = Mapping[str, str | Path] | Sequence[str | Path] | str


def named(wanted: Embeddings) -> dict[str, str]:
    """What the user said as paths by name, in their order.

    Args:
        wanted: paths by name; or paths, each of which may be ``NAME=PATH``; or these with commas.

    Raises:
        ConfigError: there is none, or two have one name.
    """
    if isinstance(wanted, Mapping):
        return {name: str(path) for name, path in wanted.items()}
    texts = wanted.split(",") if isinstance(wanted, str) else list(map(str, wanted))
    found: dict[str, str] = {}
    for text in map(str.strip, texts):
        match = _NAMED.fullmatch(text)
        name, path = match.groups() if match else (_name_of(text), text)
        if not path:
            raise ConfigError(f"--embeddings takes paths with commas, not {','.join(texts)!r}")
        if name in found:
            raise ConfigError(f"two embeddings are called {name}; write {name}-2={path}")
        found[name] = path
    return found


def _name_of(path: str) -> str:
    return safe_name(Path(path.removeprefix("features:")).resolve().stem)


def columns(name: str, path: str, request: Request) -> list[Column]:
    """The columns of one embedding, one for each training seed.

    Args:
        name: how the grid calls it.
        path: a TOML file of settings; a model file, or a folder of them; or ``features:FILE``.
        request: what is measured.

    Raises:
        FsbenchError: there is nothing of the kind, or it does not go into a grid.
    """
    if path.startswith("features:"):
        return [FeatureFile(name, request, expanded(path.removeprefix("features:")))]
    file = expanded(path)
    if file.is_dir():
        models = sorted(file.rglob("*.safetensors"))
        if not models:
            raise ConfigError(f"{file} holds no model file; train one, or give a TOML file")
        return _distinct(file, [_of_model(name, model, request) for model in models])
    if file.suffix == ".toml":
        if odd := [key for key in _PER_METHOD if key in read_toml(file)]:
            raise ConfigError(f"{file} sets {odd[0]}, but a grid has many methods; take it out")
        return [Configured(name, seed, request, file) for seed in request.seeds]
    return [_of_model(name, file, request)]


def _of_model(name: str, file: Path, request: Request) -> Column:
    model = load_checkpoint(file)
    config = model.info.get("config")
    if not isinstance(config, dict):
        raise CheckpointError(f"{file} is not a trained model of a method")
    method = config["method"]
    if method in METHODS and measures_features(method):
        return Stored(name, request, file, model)
    return OtherModel(name, request, file, model)


def _distinct(folder: Path, found: list[Column]) -> list[Column]:
    """The same columns; raises ConfigError where two have one seed."""
    seeds = [column.seed for column in found]
    if len(set(seeds)) < len(seeds):
        raise ConfigError(
            f"{folder} holds several models of one training seed; give each as an embedding"
        )
    return found
