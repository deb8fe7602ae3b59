"""Parameters on disk: safetensors with a JSON header, whole or absent, never pickled."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from fewshot_bench.errors import CheckpointError
from fewshot_bench.files import sha256, write_atomic
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.nn.params import Params
from fewshot_bench.reading import parse_json

SCHEMA = 1
_KEY, _HASH = "fewshot_bench", "content_sha256"
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
    text = json.dumps({"schema": SCHEMA, **info}, sort_keys=True)
    header = {_KEY: text, _HASH: _content_hash(text, tensors)}
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
            said = file.metadata() or {}
            params = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # a damaged file makes the reader raise almost anything
        if is_of_torch(path):
            raise CheckpointError(
                f"{path} is a PyTorch file and no checkpoint of fewshot_bench, which are"
                " safetensors; as weights of a network it goes with --backbone torchvision:NAME (or"
                f" timm:, module:) --weights {path}"
            ) from error
        raise CheckpointError(
            f"checkpoint {path} is damaged ({error}); remove it, and what made it can make it anew"
        ) from error
    if (header := said.get(_KEY)) is None:
        raise CheckpointError(
            f"{path} was not written by fewshot_bench (no description inside); as weights of a"
            f" network it goes with --backbone torchvision:NAME --weights {path}"
        )
    # Files of earlier versions carry no hash.
    if said.get(_HASH, "") not in ("", _content_hash(header, params)):
        raise CheckpointError(
            f"checkpoint {path} is damaged (its content does not have the hash that it was written"
            " with); remove it, and what made it can make it anew"
        )
    return Checkpoint(params, _info(header, path))


def _info(header: str, path: Path) -> dict[str, Any]:
    """The description in a file's header."""
    try:
        info = parse_json(header)
        schema = info.pop("schema", 0)
        newer = schema > SCHEMA
    except (ValueError, AttributeError, TypeError) as error:
        raise CheckpointError(f"checkpoint {path}: its description is damaged: {error}") from error
    if newer:
        raise CheckpointError(f"checkpoint {path} is of a newer fewshot_bench; update it")
    return dict(info)


def _content_hash(header: str, params: Params) -> str:
    """Of everything that a file holds, so that a flipped bit is found when it is read."""
    return sha256(header.encode(), tensors_sha256(params).encode())


def is_of_torch(path: Path) -> bool:
    """Whether a file looks like one of ``torch.save``: a zip archive, or a bare pickle."""
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(_OF_TORCH)
    except OSError:
        return False


def check_params(params: Params, expected: Params, what: str) -> None:
    """Raise CheckpointError unless names, shapes and kinds of numbers are those of ``expected``."""
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
        if params[name].is_floating_point() != value.is_floating_point():
            raise CheckpointError(
                f"{what} is of another configuration: {name} is {params[name].dtype}, this run"
                f" needs {value.dtype}"
            )
