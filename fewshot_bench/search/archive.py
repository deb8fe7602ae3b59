"""Memory of a search: no candidate is tried twice, not even one that was rejected.

A candidate is known by its canonical text, so losses that differ in the order of commutative
arguments only are the same. Where the search merges losses of equal gradients, a second
dictionary leads from the gradients' key to the first candidate that had it.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from fewshot_bench.search.spec import Outcome


@dataclass(eq=False)
class Archive:
    """Outcomes by candidate.

    Attributes:
        outcomes: canonical text to what became of it.
        keys: key of the gradients to the first candidate that had it.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def fitness(self, candidate: str) -> float:
        """Fitness of a candidate that has been tried."""
        return self.outcomes[candidate].fitness

    def best(self) -> tuple[str, Outcome]:
        """The first candidate of the lowest fitness."""
        return min(self.outcomes.items(), key=lambda item: item[1].fitness)

    def to_json(self) -> dict[str, Any]:
        """JSON values, without infinity."""
        rows = [
            [text, o.verdict, None if math.isinf(o.fitness) else o.fitness, list(o.weights)]
            for text, o in self.outcomes.items()
        ]
        return {"outcomes": rows, "keys": self.keys}

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> "Archive":
        """What :meth:`to_json` gave."""
        outcomes = {
            text: Outcome(verdict, math.inf if fitness is None else fitness, tuple(weights))
            for text, verdict, fitness, weights in table["outcomes"]
        }
        return cls(outcomes, table["keys"])
