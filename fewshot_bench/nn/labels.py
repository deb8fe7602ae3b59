"""Labels as vectors."""

import torch
from torch import Tensor


def one_hot(labels: Tensor, n_way: int, dtype: torch.dtype) -> Tensor:
    """Labels int64 (...) in 0 .. n_way - 1 to vectors (..., n_way) of zeros and a one.

    ``torch.nn.functional.one_hot`` looks at the labels' values, which neither a map over tasks nor
    the compiler allows.

    Example:
        >>> one_hot(torch.tensor([1, 0]), 3, torch.float32).tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    return (labels.unsqueeze(-1) == torch.arange(n_way, device=labels.device)).to(dtype)
