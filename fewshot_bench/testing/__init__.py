"""Whether a method keeps the contract, for its author's tests and before every measurement.

    from fewshot_bench.testing import assert_contract

    def test_mine():
        assert_contract(build_method("mine", Setup("conv4-32", ImageShape(1, 16), 5)))

``fsbench methods check NAME`` prints the same checks.
"""

from fewshot_bench.testing.battery import Outcome, assert_contract, check_method, examine, moved
from fewshot_bench.testing.case import Case, Check, Problem, differing
from fewshot_bench.testing.episodes import make_episode
from fewshot_bench.testing.probe import probe, probe_start, probe_training

__all__ = [
    "Case",
    "Check",
    "Outcome",
    "Problem",
    "assert_contract",
    "check_method",
    "differing",
    "examine",
    "make_episode",
    "moved",
    "probe",
    "probe_start",
    "probe_training",
]
