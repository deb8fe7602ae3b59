"""The gradient learner of NPBML: its loss is told how alike queries and classes are."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench.methods.base import FewShotMethod
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.npbml.relation import Relation
from fewshot_bench.methods.task import Task
from fewshot_bench.methods.trunk import Trunk
from fewshot_bench.nn.params import Params, merge

RELATION = "relation"


@dataclass(frozen=True)
class NPBML(GradientLearner):
    """A gradient learner with a relation.

    Attributes:
        relation: tells the loss how alike queries and classes are; None where it need not know.
    """

    relation: Relation | None = None

    def init(self, generator: torch.Generator) -> Params:
        """Parameters of the learner, then those of the relation."""
        learned = super().init(generator)
        return learned if self.relation is None else merge([learned, self.relation.init(generator)])

    def parts(self) -> Mapping[str, FewShotMethod]:
        """The relation network, where there is one."""
        network = None if self.relation is None else self.relation.network
        return {} if network is None else {RELATION: network}

    def frozen(self, name: str) -> bool:
        """The relation network stays as it was trained, like the frozen stages."""
        return super().frozen(name) or name.startswith(f"{RELATION}.")

    def trunk(self) -> Trunk | None:
        """As of any learner; None with a relation network, which sees the images themselves."""
        return None if self.parts() else super().trunk()

    def context(self, task: Task) -> Tensor | None:
        """(Q, n_way), the share of each class in each query; rows sum to 1, without gradient."""
        if self.relation is None:
            return None
        with torch.no_grad():
            support, query = task.initial_features()
            return self.relation(task.params, task.episode, support, query)
