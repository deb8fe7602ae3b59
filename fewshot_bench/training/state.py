"""What a training carries from one step to the next, and its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fewshot_bench.errors import CheckpointError
from fewshot_bench.nn.params import Params
from fewshot_bench.training.checkpoint import check_params, load_checkpoint, save_checkpoint

UNSELECTED: dict[str, Any] = {"split": "none", "value": None, "step": 0, "n_candidates": 0}
_MOMENTS: tuple[tuple[type[torch.optim.Optimizer], set[str]], ...] = (
    (torch.optim.Adam, {"step", "exp_avg", "exp_avg_sq"}),
    (torch.optim.AdamW, {"step", "exp_avg", "exp_avg_sq"}),
    (torch.optim.SGD, {"momentum_buffer"}),
)  # what optimisers keep of a parameter


@dataclass
class State:
    """All that a training carries from one step to the next.

    Attributes:
        params: parameters and buffers; frozen ones need no gradient.
        optimizer: over the trainable ones.
        step: finished steps.
        best: parameters of the best validation.
        best_step: when that was.
        best_accuracy: its accuracy, -1 before the first validation.
        validations: how many there were: the number of candidates the best was chosen from.
    """

    params: Params
    optimizer: torch.optim.Optimizer
    step: int = 0
    best: Params | None = None
    best_step: int = 0
    best_accuracy: float = -1.0
    validations: int = 0

    def numbers(self) -> dict[str, Any]:
        """The JSON part."""
        names = ("step", "best_step", "best_accuracy", "validations")
        return {name: getattr(self, name) for name in names}

    @property
    def kept(self) -> Params:
        """Parameters of the best validation; of the last step where nothing was validated."""
        last = {name: value.detach() for name, value in self.params.items()}
        return last if self.best is None else self.best

    @property
    def selection(self) -> dict[str, Any]:
        """How the parameters that are kept were chosen."""
        if self.best is None:
            return {**UNSELECTED, "step": self.step}
        return {
            "split": "val",
            "metric": "accuracy",
            "value": self.best_accuracy,
            "step": self.best_step,
            "n_candidates": self.validations,
        }


def learned(params: Params) -> Params:
    """The parameters that ask for gradients."""
    return {name: value for name, value in params.items() if value.requires_grad}


def save_state(state: State, path: Path) -> None:
    """Write it to a file, atomically."""
    tensors: Params = {f"params/{name}": value for name, value in state.params.items()}
    tensors |= {f"best/{name}": value for name, value in (state.best or {}).items()}
    for name, value in learned(state.params).items():
        for key, moment in state.optimizer.state[value].items():
            tensors[f"optimizer/{key}/{name}"] = moment
    save_checkpoint(path, tensors, state.numbers())


def restore_state(state: State, path: Path) -> None:
    """Set a new state to what a file holds.

    Raises:
        CheckpointError: missing, damaged, or of another configuration.
    """
    checkpoint = load_checkpoint(path)
    stored, best = (_under(checkpoint.params, part) for part in ("params", "best"))
    check_params(stored, state.params, str(path))
    if best:
        check_params(best, state.params, str(path))
    numbers = _checked_numbers(checkpoint.info, path)
    with torch.no_grad():
        for name, value in state.params.items():
            value.copy_(stored[name])
    device = next(iter(state.params.values())).device
    state.best = {name: value.to(device) for name, value in best.items()} or None
    for key, name, moment in _checked_moments(state, checkpoint.params, path):
        # Adam counts its steps on the CPU, wherever the parameters are.
        value = moment if key == "step" else moment.to(device)
        state.optimizer.state[state.params[name]][key] = value
    for key, number in numbers.items():
        setattr(state, key, number)


def _checked_moments(state: State, tensors: Params, path: Path) -> list[tuple[str, str, Tensor]]:
    """What the optimiser keeps of each parameter: key, name and value.

    Raises:
        CheckpointError: it is not what this optimiser keeps of these parameters.
    """
    trained = learned(state.params)
    moments = [(*place.partition("/")[::2], v) for place, v in _under(tensors, "optimizer").items()]
    own = next((keys for kind, keys in _MOMENTS if isinstance(state.optimizer, kind)), None)
    keys: dict[str, set[str]] = {}
    for key, name, value in moments:
        known = own is None or key in own
        if not known or name not in trained or value.shape not in ((), trained[name].shape):
            raise CheckpointError(f"{path} is of another configuration: {key} of {name}")
        keys.setdefault(name, set()).add(key)
    if own is not None and any(found != own for found in keys.values()):
        raise CheckpointError(f"{path} is damaged: it lacks a part of the optimiser's state")
    return moments


def _checked_numbers(info: Mapping[str, Any], path: Path) -> dict[str, int | float]:
    """The JSON part of a state; raises CheckpointError unless it can be one.

    Names that are not a state's own numbers are left where they are: a file sets nothing else.
    """
    found: dict[str, int | float] = {}
    for key in ("step", "best_step", "validations", "best_accuracy"):
        value = info.get(key)
        whole = key != "best_accuracy"
        least = 0 if whole else -1
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise CheckpointError(f"{path} is damaged ({key} is {value!r}); remove it")
        if not least <= value:
            raise CheckpointError(f"{path} is damaged ({key} is {value!r}); remove it")
        found[key] = value
    return found


def _under(tensors: dict[str, Tensor], prefix: str) -> Params:
    head = f"{prefix}/"
    return {name.removeprefix(head): v for name, v in tensors.items() if name.startswith(head)}
