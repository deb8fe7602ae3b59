"""Weights that another library saved, read without running any of their code.

A ``.pth`` or ``.pt`` file is a pickle: ``torch.load(weights_only=True)`` reads tensors and plain
values of it and refuses everything else. The names are brought to those of the module: what
wrappers put in front (``module.`` of DataParallel, ``model.`` of Lightning) is taken off.
"""

import collections
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from fewshot_bench.errors import CheckpointError
from fewshot_bench.reading import understood

# Where training scripts put the parameters, the more usual first.
INSIDE = ("state_dict", "model_state_dict", "model", "teacher", "student", "net", "backbone")
SHOWN = 5  # names of a list in a message
DEEPEST = 4  # levels of wrappers in front of a name
COUNTER = "num_batches_tracked"  # of batch normalisation; older files lack it, nothing uses it


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name, as they stand in a file.

    Args:
        path: ``.safetensors``, or any file that ``torch.save`` wrote.

    Raises:
        CheckpointError: missing, not such a file, or one that holds more than tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"weights {path} do not exist")
    if path.suffix == ".safetensors":
        with understood(path, "safetensors file that can be read", kind=CheckpointError):
            return dict(safetensors.torch.load_file(path))
    return _tensors(_unpickled(path), path)


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "weights_only" not in str(error).lower() and "Unsupported" not in str(error):
            raise CheckpointError(f"{path} is no file of torch.save: {_first(error)}") from error
        raise CheckpointError(
            f"{path} holds Python objects besides tensors, which are not read because they can run"
            " code; save its state_dict alone, where you trust the file, and give that"
        ) from error
    except Exception as error:  # a file of another kind makes torch raise almost anything
        raise CheckpointError(f"{path} is no file of torch.save: {_first(error)}") from error


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _tensors(value: Any, path: Path) -> dict[str, Tensor]:
    """The parameters in what a training script saved: a dictionary, or one inside it."""
    if isinstance(value, Mapping):
        found = {str(k): v for k, v in value.items() if isinstance(v, Tensor)}
        if found:
            return found
        for key in INSIDE:
            if isinstance(value.get(key), Mapping):
                return _tensors(value[key], path)
    keys = f" but {listed(map(str, value))}" if isinstance(value, Mapping) else ""
    raise CheckpointError(f"{path} holds no parameters by name{keys}")


def fitted(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], head: str, what: str
) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of a file under the names of a module.

    Args:
        state: tensors of the file.
        expected: parameters and buffers of the module, without its classifier.
        head: what the names of the classifier begin with, which was taken off; "" for none.
        what: names the file in messages.

    Returns:
        The tensors, and the names of parts of the file that the module does not have at all.

    Raises:
        CheckpointError: names are missing, of another shape, or unexpected inside a part that the
            module has, so the file is of another architecture.
    """
    prefix = _prefix(state, expected)
    named = {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
    missing = [n for n in expected if n not in named and not n.endswith(COUNTER)]
    parts = {name.partition(".")[0] for name in expected}
    odd = [n for n in named if n not in expected and not (head and _below(n, head))]
    inside = [name for name in odd if name.partition(".")[0] in parts]
    if missing or inside:
        raise CheckpointError(
            f"{what} is of another architecture: missing {listed(missing)};"
            f" unexpected {listed(inside)}"
        )
    for name, value in expected.items():
        if name in named and named[name].shape != value.shape:
            have, need = tuple(named[name].shape), tuple(value.shape)
            raise CheckpointError(
                f"{what} is of another architecture: {name} is {have}, not {need}"
            )
    strange = [name for name in state if not name.startswith(prefix)]
    return {n: named[n] for n in expected if n in named}, [*odd, *strange]


def listed(names: Iterable[str]) -> str:
    """``3 (a, b, c)``, ``9 (a, b, c, d, e, ...)``, or ``none``.

    >>> listed(["a", "b"]), listed([])
    ('2 (a, b)', 'none')
    """
    names = list(names)
    more = ", ..." if len(names) > SHOWN else ""
    return f"{len(names)} ({', '.join(names[:SHOWN])}{more})" if names else "none"


def _below(name: str, head: str) -> bool:
    return name.startswith(f"{head}.")


def _prefix(state: Iterable[str], expected: Mapping[str, Tensor]) -> str:
    """What stands in front of most names that the module knows; the shortest of several."""
    counts: collections.Counter[str] = collections.Counter()
    for name in state:
        parts = name.split(".")
        for cut in range(min(DEEPEST, len(parts))):
            if ".".join(parts[cut:]) in expected:
                counts["".join(f"{part}." for part in parts[:cut])] += 1
    return max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default="")
