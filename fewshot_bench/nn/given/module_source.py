"""``module:package.mod:make`` or ``module:FILE.py:make``: what a function of the user's makes."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from fewshot_bench.errors import ConfigError, one_line
from fewshot_bench.files import sha256
from fewshot_bench.nn.given.record import ImageRecord, Network
from fewshot_bench.registry import Entry


def module_network(name: str) -> Network:
    """What a function without arguments returns, in evaluation mode at every use.

    A module may say in an attribute ``preprocessing`` what images it takes: a mapping with any of
    ``size``, ``mean``, ``std``, ``interpolation`` and ``channels``; a model of timm says it by
    ``pretrained_cfg``. Otherwise it is given the benchmark's images with the benchmark's
    normalisation. ``trained_on``, a text, says what its weights have seen.

    Args:
        name: ``package.mod:make``, or ``path/to/file.py:make``.

    Raises:
        ConfigError: it can't be imported, or gives no module.
    """
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise ConfigError(f"module:{name} is not of the form module:package.mod:make")
    try:
        maker = getattr(_imported(place), attribute)
        made = maker()
    except ConfigError:
        raise
    except Exception as error:  # a stranger's code can raise anything
        reason = one_line(f"{type(error).__name__}: {error}")
        raise ConfigError(f"module:{name} can't be made: {reason}") from error
    if not isinstance(made, nn.Module):
        raise ConfigError(f"module:{name} gives {type(made).__name__}, not a torch.nn.Module")
    trained_on = str(getattr(made, "trained_on", "") or f"not told (module:{attribute})")
    code = Entry(name, maker).code_sha256()
    return Network(
        made, _record(made), weights=f"module:{attribute}", trained_on=trained_on, code=code
    )


def _record(module: nn.Module) -> ImageRecord:
    said: Any = getattr(module, "preprocessing", None)
    if said is None and (config := getattr(module, "pretrained_cfg", None)):
        size = config.get("input_size", (None, None, None))
        said = {key: config[key] for key in ("mean", "std", "interpolation") if key in config}
        said |= {"channels": size[0], "size": size[-1]}
    known: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in dict(said or {}).items()
    }
    try:
        return ImageRecord(**known)
    except TypeError as error:
        raise ConfigError(f"preprocessing of a module: {error}") from error


def _imported(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = Path(place).expanduser()
    if not path.is_file():
        raise ConfigError(f"{path} does not exist")
    # Two files of one name must not stand for each other.
    key = f"fsbench_module_{path.stem}_{sha256(str(path.resolve()).encode())[:8]}"
    spec = importlib.util.spec_from_file_location(key, path)
    assert spec is not None, "a file .py has a loader"
    assert spec.loader is not None, "a file .py has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module
    spec.loader.exec_module(module)
    return module
