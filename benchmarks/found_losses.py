"""Found losses where they were found and elsewhere: other networks, other data.

    python benchmarks/found_losses.py [folder of loss files] > benchmarks/results/found_losses.md

The learning rate of the network is chosen for each loss by its validation error with a seed that
the test does not use; then test errors of five seeds, whose weights and batches are the same for
all losses, are compared with those of the usual loss.
"""

import dataclasses
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.stats import Interval
from fewshot_bench.supervised.catalogue import load_data
from fewshot_bench.supervised.models import build_model
from fewshot_bench.supervised.train import Recipe, error
from fewshot_bench.training.loss_bench import Bench, over_seeds

FOUND = Path(__file__).parent / "results" / "losses"
RATES = (0.01, 0.03, 0.1, 0.3)
CHOOSING, SEEDS = 100, range(5)
STEPS = 500


@dataclass(frozen=True)
class Case:
    """Where losses are compared.

    Attributes:
        found: stem of the loss file.
        data: name of the data set.
        model: name of the network.
        classes: of an image benchmark, the first so many.
    """

    found: str
    data: str
    model: str
    classes: int | None = None


CASES = (
    Case("digits-evomal", "digits", "mlp-128"),
    Case("digits-evomal", "digits", "linear"),
    Case("digits-evomal", "digits", "lenet5"),
    Case("digits-evomal", "breast-cancer", "mlp-128"),
    Case("digits-evomal", "wine", "mlp-128"),
    Case("diabetes-evomal", "diabetes", "mlp-128"),
    Case("diabetes-evomal", "diabetes", "linear"),
    Case("digits-evomal", "cifar-fs", "mlp-128", 10),
)


def bench_at(case: Case, lr: float) -> Bench:
    """The case with a learning rate."""
    data = load_data(case.data, None, case.classes)
    return Bench(build_model(case.model, data), data, Recipe(steps=STEPS, lr=lr))


def validation_error(bench: Bench, loss: str) -> float:
    """Of one training; inf where it broke off."""
    trained = bench.train(loss, CHOOSING)
    found = error(bench.model, trained.params, bench.data.val)
    return found if trained.steps == STEPS and math.isfinite(found) else math.inf


def lines(case: Case, folder: Path) -> list[str]:
    """The rows of one case."""
    bench = bench_at(case, RATES[0])
    classes = bench.data.task == "classification"
    usual = ["cross_entropy", "label_smoothing", "sparse_lsr"] if classes else ["squared_error"]
    tested, rows = {}, []
    for loss in [*usual, str(folder / f"{case.found}.json")]:
        at = {r: dataclasses.replace(bench, recipe=Recipe(steps=STEPS, lr=r)) for r in RATES}
        rate = min(RATES, key=lambda r: validation_error(at[r], loss))
        errors = np.array([at[rate].test_error(loss, seed) for seed in SEEDS])
        tested[loss] = 100 * errors if classes else errors
        difference = None if loss == usual[0] else over_seeds(tested[loss] - tested[usual[0]], 0.95)
        own = over_seeds(tested[loss], 0.95)
        data = case.data + (f" ({case.classes} classes)" if case.classes else "")
        cells = [data, case.model, Path(loss).stem, f"{rate:g}", shown(own, ""), shown(difference)]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def shown(interval: Interval | None, sign: str = "+") -> str:
    """Mean with its interval."""
    if interval is None:
        return ""
    numbers = (interval.mean, interval.low, interval.high)
    mean, low, high = (f"{x:{sign}.3g}" for x in numbers)
    return f"{mean} ({low} to {high})"


def main() -> None:
    """Print the table as Markdown."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOUND
    torch.set_num_threads(1)
    keep_freed_memory()
    print(f"torch {torch.__version__}; {STEPS} steps in batches of 128; rates of {RATES}, chosen")
    print(f"on the validation part with seed {CHOOSING}; test errors (% of classifications, else")
    print("squared error) of seeds 0 to 4, and differences to the first loss, paired by seed, with")
    print("95 % intervals.\n")
    print("| data | network | loss | rate | test error | minus the first |")
    print("|---|---|---|---:|---:|---:|")
    for case in CASES:
        print("\n".join(lines(case, folder)), flush=True)


if __name__ == "__main__":
    main()
