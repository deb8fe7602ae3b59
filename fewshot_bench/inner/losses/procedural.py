"""NPBML's inner loss: cross-entropy and three networks that learn what to add to it.

Raymond, Chen, Xue, Zhang: Meta-Learning Neural Procedural Biases, 2024, arXiv 2406.07983.

* inductive: sees each support image's logits, its one-hot label and its cross-entropy;
* transductive: sees each query's logits, the relation scores of its classes, and the cross-entropy
  between the two; no query label;
* regulariser: sees mean, standard deviation, L1 and L2 norm of each moving tensor.

Each network is in -> width -> width -> 1, its linear layers modulated (FiLM) by what enters them:
a layer has three rows for each output, its value and a scale and a shift for it.
The last layers start at zero, so that training starts as MAML. The inductive and the transductive
network know classes by their number, as in the paper.

The networks differ, the regulariser sees a true L1 norm, and gradients flow through all that it
sees. In the released code the inductive network stands in for the transductive one, the L1 norm is
a second L2 norm, and mean and deviation are constants; ``as_released=True`` does the same. Norms
are divided by the number of elements, so that one network can see tensors of any size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.inner.losses.network import SmoothLeakyReLU
from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.heads import init_linear, linear
from fewshot_bench.nn.labels import one_hot
from fewshot_bench.nn.params import Params, merge, subset

Term: TypeAlias = Literal["inductive", "transductive", "regulariser"]
TERMS: tuple[Term, ...] = ("inductive", "transductive", "regulariser")
LAYERS = 3
OUTPUT = SmoothLeakyReLU(leak=0.25, sharpness=5.0)
SOFT = 1e-4  # keeps second derivatives of norms small where a tensor is zero


@dataclass(frozen=True)
class ProceduralLoss(InnerLoss):
    """Cross-entropy of the support set plus the outputs of the networks.

    Attributes:
        n_way: classes of a task.
        n_tensors: how many tensors the inner loop moves.
        terms: which networks there are.
        width: of their two hidden layers.
        film: whether their layers are modulated.
        as_released: see the module's docstring.
    """

    n_way: int
    n_tensors: int
    terms: tuple[Term, ...] = TERMS
    width: int = 40
    film: bool = True
    as_released: bool = False

    @property
    def transductive(self) -> bool:
        """Whether query logits are looked at."""
        return "transductive" in self.terms

    @property
    def fixes_ways(self) -> bool:
        """Whether a network sees an input for each class."""
        return not set(self.terms) <= {"regulariser"}

    def init(self, generator: torch.Generator) -> Params:
        """``loss.<term>.<layer>.weight`` and ``.bias``: values, then scales, then shifts."""
        return merge(self._init_network(term, generator) for term in self.terms)

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar in nats."""
        each = F.cross_entropy(view.support_logits, view.support_labels, reduction="none")
        values = [each.mean()]
        if "inductive" in self.terms:
            labels = one_hot(view.support_labels, self.n_way, each.dtype)
            values.append(self._instances(phi, "inductive", view.support_logits, labels, each))
        if "transductive" in self.terms:
            values.append(self._transductive(phi, view))
        if "regulariser" in self.terms:
            moving = [view.adapted[name] for name in sorted(view.adapted, key=_place)]
            seen = weight_statistics(moving, constant=self.as_released)
            values.append(self._apply(phi, "regulariser", seen).squeeze())
        return torch.stack(values).sum()

    def _transductive(self, phi: Params, view: TaskView) -> Tensor:
        if view.query_logits is None or view.context is None:
            raise ValueError("a transductive loss needs query logits and relation scores")
        each = F.cross_entropy(view.query_logits, view.context, reduction="none")
        network = self._network("transductive")
        return self._instances(phi, network, view.query_logits, view.context, each)

    def _network(self, term: Term) -> Term:
        swap = self.as_released and term == "transductive" and "inductive" in self.terms
        return "inductive" if swap else term

    def _instances(
        self, phi: Params, name: Term, logits: Tensor, target: Tensor, loss: Tensor
    ) -> Tensor:
        seen = torch.cat([logits, target, loss.unsqueeze(1)], dim=1)
        return self._apply(phi, name, seen).mean()

    def _apply(self, phi: Params, name: Term, x: Tensor) -> Tensor:
        """(B, in) to (B, 1)."""
        for layer in range(LAYERS):
            x = linear(phi, f"loss.{name}.{layer}", x)
            if self.film:
                value, scale, shift = x.chunk(3, dim=-1)
                x = torch.addcmul(value + shift, value, scale)
            x = OUTPUT(x) if layer == LAYERS - 1 else F.relu(x)
        return x

    def _init_network(self, term: Term, generator: torch.Generator) -> Params:
        inputs = 4 * self.n_tensors if term == "regulariser" else 2 * self.n_way + 1
        sizes = (inputs, self.width, self.width, 1)
        params: Params = {}
        for layer in range(LAYERS):
            place = f"loss.{term}.{layer}"
            params |= init_linear(place, sizes[layer], sizes[layer + 1], generator)
            if layer == LAYERS - 1:
                params[f"{place}.weight"] = torch.zeros(1, sizes[layer])
            if self.film:
                params |= {name: _with_film(params[name]) for name in subset(params, place)}
        return params


def _with_film(rows: Tensor) -> Tensor:
    """A layer's weight or bias with scales and shifts that change nothing yet."""
    return torch.cat([rows, *[torch.zeros_like(rows)] * 2])


def _place(name: str) -> tuple[str, bool]:
    """Sorts tensors by layer, weight before bias, in whatever order a dict holds them."""
    layer, _, kind = name.rpartition(".")
    return layer, kind == "bias"


def weight_statistics(tensors: Sequence[Tensor], *, constant: bool = False) -> Tensor:
    """Mean, standard deviation, mean absolute value and root mean square of each tensor.

    Args:
        tensors: L of them, of any shape.
        constant: as released: the first two without gradient, and the last twice.

    Returns:
        (1, 4 L).
    """
    rows = []
    for tensor in tensors:
        var, mean = torch.var_mean(tensor, correction=0)
        spread, root = _root(var), _root(var + mean.square())
        if constant:
            rows += [mean.detach(), spread.detach(), root, root]
        else:
            rows += [mean, spread, tensor.abs().mean(), root]
    return torch.stack(rows).unsqueeze(0)


def _root(x: Tensor) -> Tensor:
    """Square root that can be differentiated twice at zero, where it is 0."""
    root: Tensor = (x + SOFT).sqrt() - math.sqrt(SOFT)
    return root
