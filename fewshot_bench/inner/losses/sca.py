"""SCA's inner loss: cross-entropy for some steps, then a learned critic of the query predictions.

Antoniou, Storkey: Learning to Learn by Self-Critique, 2019, arXiv 1905.10295.

The critic sees, for each query, its logits, their absolute values, squares and signs as one
sequence of 4 N numbers: five dilated convolutions that each see all before them, then three linear
layers without bias; its outputs are summed over the queries. No label enters. Its normalisation is
by the batch in training and by running averages at test, as in the released code; ``norm="batch"``
keeps to the batch.

The last layer starts at zero, so that training starts without the critic. Not verified from the
paper: that the linear layers see the flattened sequence, with ReLU between them. Not here: the
optional embedding of the task. Convolutions run along the classes, whose order matters therefore.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.inner.protocols import InnerLoss, TaskView
from fewshot_bench.nn.norm import NormMode, init_norm, norm
from fewshot_bench.nn.params import Params, kaiming_normal

FEATURES = 4  # logits, absolute values, squares, signs
DILATIONS = (1, 2, 4, 8, 16)
CHANNELS, KERNEL, WIDTH = 8, 3, 16
CriticNorm: TypeAlias = Literal["running", "batch"]


@dataclass(frozen=True)
class SelfCritique(InnerLoss):
    """Cross-entropy of the support set, and the critic's judgement in later steps.

    Attributes:
        n_way: classes of a task.
        n_supervised: steps on the cross-entropy; all after them are the critic's.
        norm: what the critic's normalisation goes by at test.
    """

    n_way: int
    n_supervised: int = 5
    norm: CriticNorm = "running"

    transductive: ClassVar[bool] = True
    fixes_ways: ClassVar[bool] = True

    @property
    def queries_from(self) -> int:
        """First inner step that looks at queries."""
        return self.n_supervised

    @property
    def keeps_averages(self) -> bool:
        """Where they are what the critic goes by at test."""
        return self.norm == "running"

    def init(self, generator: torch.Generator) -> Params:
        """``loss.conv<i>.*``, ``loss.norm<i>.*`` and ``loss.linear<i>.weight``."""
        params: Params = {}
        for i in range(len(DILATIONS)):
            shape = (CHANNELS, 1 + i * CHANNELS, KERNEL)
            params[f"loss.conv{i}.weight"] = kaiming_normal(shape, generator)
            params |= init_norm(f"loss.norm{i}", CHANNELS, self.norm)
        del params[f"loss.norm{len(DILATIONS) - 1}.bias"]  # no gradient of the critic knows it
        flat = (1 + len(DILATIONS) * CHANNELS) * FEATURES * self.n_way
        params["loss.linear0.weight"] = kaiming_normal((WIDTH, flat), generator)
        params["loss.linear1.weight"] = kaiming_normal((WIDTH, WIDTH), generator)
        params["loss.linear2.weight"] = torch.zeros(1, WIDTH)
        return params

    def __call__(self, phi: Params, view: TaskView) -> Tensor:
        """Scalar; in nats while it is cross-entropy."""
        if view.step < self.n_supervised:
            return F.cross_entropy(view.support_logits, view.support_labels)
        if view.query_logits is None:
            raise ValueError("SCA's critic needs query logits")
        return critic(phi, view.query_logits, view.mode).sum()


def critic(phi: Params, logits: Tensor, mode: NormMode) -> Tensor:
    """Logits (Q, n_way) of all queries to judgements (Q,), by ``mode`` of its normalisation."""
    phi = {f"loss.norm{len(DILATIONS) - 1}.bias": logits.new_zeros(CHANNELS), **phi}
    seen = torch.cat([logits, logits.abs(), logits.square(), logits.sign()], dim=1)
    x = seen.unsqueeze(1)
    for i, dilation in enumerate(DILATIONS):
        y = F.conv1d(x, phi[f"loss.conv{i}.weight"], padding=dilation, dilation=dilation)
        y = norm(phi, f"loss.norm{i}", y.unsqueeze(3), mode).squeeze(3)
        x = torch.cat([x, F.relu(y)], dim=1)
    x = x.flatten(1)
    for i in range(2):
        x = F.relu(F.linear(x, phi[f"loss.linear{i}.weight"]))
    return F.linear(x, phi["loss.linear2.weight"]).squeeze(1)
