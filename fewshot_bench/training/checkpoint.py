"""Parameters on disk: safetensors with a JSON header, whole or absent, never pickled."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from safetensors import SafetensorError

from fewshot_bench.errors import CheckpointError
from fewshot_bench.files import write_atomic
from fewshot_bench.nn.params import Params

SCHEMA = 1
_KEY = "fewshot_bench"
_OF_TORCH = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True)
class Checkpoint:
    """A file of tensors and what is known of them.

    Attributes:
        params: name -> tensor, on the CPU.
        info: JSON values.
    """

    params: Params
    info: dict[str, Any]


def save_checkpoint(path: Path, params: Params, info: dict[str, Any]) -> None:
    """Write tensors and their description to one file, atomically.

    Raises:
        FsbenchError: the disk is full or the folder can't be written.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in params.items()}
    header = {_KEY: json.dumps({"schema": SCHEMA, **info}, sort_keys=True)}
    write_atomic(path, safetensors.torch.save(tensors, metadata=header))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what :func:`save_checkpoint` wrote.

    Raises:
        CheckpointError: missing, damaged, or not one of ours.
    """
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path} does not exist")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(_KEY)
            params = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        if is_of_torch(path):
            raise CheckpointError(
                f"{path} is a PyTorch file and no checkpoint of fewshot_bench, which are"
                " safetensors; as weights of a network it goes with --backbone torchvision:NAME (or"
                f" timm:, module:) --weights {path}"
            ) from error
        raise CheckpointError(
            f"checkpoint {path} is damaged ({error}); remove it, and what made it can make it anew"
        ) from error
    if header is None:
        raise CheckpointError(
            f"{path} was not written by fewshot_bench (no description inside); as weights of a"
            f" network it goes with --backbone torchvision:NAME --weights {path}"
        )
    info: dict[str, Any] = json.loads(header)
    if info.pop("schema", 0) > SCHEMA:
        raise CheckpointError(f"checkpoint {path} is of a newer fewshot_bench; update it")
    return Checkpoint(params, info)


def is_of_torch(path: Path) -> bool:
    """Whether a file looks like one of ``torch.save``: a zip archive, or a bare pickle."""
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(_OF_TORCH)
    except OSError:
        return False


def check_params(params: Params, expected: Params, what: str) -> None:
    """Raise CheckpointError unless names and shapes are those of ``expected``."""
    if params.keys() != expected.keys():
        odd = sorted(params.keys() ^ expected.keys())
        raise CheckpointError(
            f"{what} is of another configuration: {len(odd)} parameters do not match"
            f" (for instance {odd[0]!r})"
        )
    for name, value in expected.items():
        if params[name].shape != value.shape:
            have, need = tuple(params[name].shape), tuple(value.shape)
            raise CheckpointError(
                f"{what} is of another configuration: {name} is {have}, this run needs {need}"
            )
