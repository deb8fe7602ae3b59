"""A learned loss as a small JSON file, which may come from a stranger.

    {"schema": 1, "kind": "symbolic", "task": "classification",
     "expression": "mul(-1,mul(y,log(f(x))))", "weights": [1.0, 1.02, ...],
     "fitness": 0.03, "provenance": {"data": "digits", ...}}

``kind`` is ``symbolic`` (an expression and the weights of its edges), ``taylor`` (TaylorGLO's
coefficients) or ``network`` (ML3's or AdaLFL's layers). A file is data: its size is bounded,
every field is checked, and nothing in it is executed.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import torch
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from fewshot_bench.errors import ConfigError, DataError, one_line
from fewshot_bench.files import dump_json, write_atomic
from fewshot_bench.inner.losses.expression import PREDICTION, Expression
from fewshot_bench.inner.losses.frozen import FrozenNetwork
from fewshot_bench.inner.losses.network import LossNetwork, adalfl, ml3
from fewshot_bench.inner.losses.per_output import Task
from fewshot_bench.inner.losses.symbolic import WEIGHTS, SymbolicLoss
from fewshot_bench.inner.losses.taylor import COEFFICIENTS, N_COEFFICIENTS, TaylorGLO
from fewshot_bench.nn.params import Params

MAX_BYTES = 1_000_000

Width = Annotated[int, Field(ge=1, le=200)]
Number: TypeAlias = FiniteFloat


class _File(BaseModel):
    """What all kinds have in common.

    Attributes:
        task: what it was learned for.
        fitness: validation error rate, or mean squared error, of a short training with it.
        provenance: how it was found, as JSON values; for people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_version: Literal[1] = Field(1, alias="schema")
    task: Task
    fitness: Number | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)


class SymbolicFile(_File):
    """An expression and one weight for each node but the root, in prefix order."""

    kind: Literal["symbolic"] = "symbolic"
    expression: str
    weights: list[Number]

    @property
    def tree(self) -> Expression:
        """The expression.

        Raises:
            ConfigError: malformed, or constant in the prediction, so that nothing could learn.
        """
        tree = Expression.parse(self.expression)
        if PREDICTION not in tree.symbols:
            raise ConfigError(f"a loss must look at the prediction, {PREDICTION}")
        return tree

    def structure(self) -> SymbolicLoss:
        """The expression without its weights, for learning on."""
        return SymbolicLoss(self.tree)

    def phi(self) -> Params:
        """The weights by their name."""
        return {WEIGHTS: torch.tensor(self.weights)}

    def loss(self) -> SymbolicLoss:
        """With frozen weights."""
        return SymbolicLoss(self.tree, tuple(self.weights))


class TaylorFile(_File):
    """TaylorGLO's coefficients."""

    kind: Literal["taylor"] = "taylor"
    coefficients: list[Number] = Field(min_length=N_COEFFICIENTS, max_length=N_COEFFICIENTS)

    def structure(self) -> TaylorGLO:
        """The polynomial without its coefficients, for learning on."""
        return TaylorGLO()

    def phi(self) -> Params:
        """The coefficients by their name."""
        return {COEFFICIENTS: torch.tensor(self.coefficients)}

    def loss(self) -> TaylorGLO:
        """With these coefficients."""
        return TaylorGLO(self.coefficients)


class NetworkFile(_File):
    """A loss network's layers, first to last, each as its rows."""

    kind: Literal["network"] = "network"
    network: Literal["ml3", "adalfl"]
    width: Width
    inputs: Literal["probabilities", "logits"] = "probabilities"
    leak: Number = 0.01
    sharpness: Annotated[Number, Field(gt=0)] = 10.0
    layers: list[list[list[Number]]]

    def structure(self) -> LossNetwork:
        """The network without its weights, for learning on."""
        if self.network == "ml3":
            return ml3(self.width, self.inputs)
        return adalfl(self.width, self.leak, self.sharpness, self.inputs)

    def phi(self) -> Params:
        """The weights by their names.

        Raises:
            ConfigError: layers of other shapes than the network has.
        """
        expected = self.structure().init(torch.Generator())
        found = {f"loss.{i}.weight": rows for i, rows in enumerate(self.layers)}
        if found.keys() != expected.keys() or any(
            len(rows) != len(expected[name]) or any(len(r) != expected[name].shape[1] for r in rows)
            for name, rows in found.items()
        ):
            shapes = ", ".join(str(tuple(value.shape)) for value in expected.values())
            raise ConfigError(f"the layers of {self.network} must have shapes {shapes}")
        return {name: torch.tensor(rows) for name, rows in found.items()}

    def loss(self) -> FrozenNetwork:
        """With frozen weights."""
        return FrozenNetwork(self.structure(), self.phi())


AnyFile: TypeAlias = SymbolicFile | TaylorFile | NetworkFile
LossFile: TypeAlias = Annotated[AnyFile, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[LossFile] = TypeAdapter(LossFile)


def read_loss(path: Path, task: Task | None = None) -> AnyFile:
    """Read and check a loss file.

    Args:
        path: of the file.
        task: what it has to be for; None for either.

    Raises:
        DataError: missing, too large, not a possible loss, or for another task; one line that
            says where.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"loss file {path} is larger than {MAX_BYTES:,} bytes")
        file = _ADAPTER.validate_python(json.loads(path.read_text(encoding="utf-8")))
        file.loss()
        if task not in (None, file.task):
            raise ConfigError(
                f"it was learned for {file.task}, not {task}; edit its 'task' to use it there"
            )
    except FileNotFoundError as error:
        raise DataError(f"loss file {path} does not exist") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:6]) or "the whole"
        reason = one_line(f"{where[:80]}: {first['msg'][:200]}")
        raise DataError(f"loss file {path}: {reason}") from error
    except RecursionError as error:
        raise DataError(f"loss file {path} is nested too deeply") from error
    except ConfigError as error:
        raise DataError(f"loss file {path}: {error}") from error
    except (OSError, ValueError, OverflowError) as error:
        raise DataError(f"loss file {path} can't be read: {str(error)[:200]}") from error
    return file


def write_loss(path: Path, file: AnyFile) -> None:
    """Write a loss file, atomically."""
    write_atomic(path, dump_json(file.model_dump(by_alias=True)))


def network_file(
    name: Literal["ml3", "adalfl"], task: Task, phi: Params, **facts: Any
) -> NetworkFile:
    """A trained loss network as a file; ``facts`` are the other fields."""
    layers = [phi[f"loss.{i}.weight"].detach().tolist() for i in range(len(phi))]
    return NetworkFile(network=name, task=task, width=len(layers[0]), layers=layers, **facts)
