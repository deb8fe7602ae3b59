"""Identity of weights."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fewshot_bench.files import sha256


def tensors_sha256(params: Mapping[str, Tensor]) -> str:
    """Identity of weights of any type: SHA-256 over name, dtype, shape and bytes in name order."""
    parts: list[bytes] = []
    for name in sorted(params):
        value = params[name].detach().cpu().contiguous()
        parts.append(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        parts.append(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha256(*parts)
