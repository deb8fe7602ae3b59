"""Time of a training step whose loss is learned on, beside a plain step with cross-entropy.

    python benchmarks/adalfl.py [repeats] > benchmarks/results/adalfl.md

AdaLFL's step is a training step with its graph, the task loss of another batch, and the update of
the loss network through that one step. Both kinds take turns in one process, and the shortest CPU
time of each counts, since machines are shared.
"""

import dataclasses
import sys
import time
from collections.abc import Callable

import torch

from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.supervised.catalogue import load_data
from fewshot_bench.supervised.data import SupervisedData
from fewshot_bench.supervised.models import build_model
from fewshot_bench.supervised.offline import OfflineRecipe
from fewshot_bench.supervised.train import Recipe, task_criterion, train
from fewshot_bench.training.adalfl import train_adaptively

STEPS = 8
GOAL = 3  # plain steps
RECIPE = Recipe(steps=STEPS)
# How often each pixel is repeated.
MODELS = (
    ("mlp-128", 1),
    ("mlp", 1),
    ("lenet5", 1),
    ("conv4-32", 2),
    ("conv4-64", 2),
    ("conv4-64", 4),
)


def enlarged(data: SupervisedData, factor: int) -> SupervisedData:
    """The images with each pixel repeated, since conv4 needs at least 16."""
    parts = {}
    for name in ("train", "val", "test"):
        part = getattr(data, name)
        inputs = part.inputs.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
        parts[name] = dataclasses.replace(part, inputs=inputs)
    return dataclasses.replace(data, **parts)


def cpu_ms(run: Callable[[], object]) -> float:
    """CPU milliseconds per step."""
    start = time.process_time()
    run()
    return 1e3 * (time.process_time() - start) / STEPS


def line(name: str, data: SupervisedData, repeats: int) -> str:
    """One line of the table."""
    model, task = build_model(name, data), task_criterion(data.task)
    plain = adaptive = float("inf")
    for _ in range(repeats):
        plain = min(plain, cpu_ms(lambda: train(model, data, task, RECIPE, 0)))
        adaptive = min(
            adaptive,
            cpu_ms(lambda: train_adaptively(model, data, RECIPE, 0, offline=OfflineRecipe(0))),
        )
    side = data.input_shape[-1]
    ratio = adaptive / plain
    verdict = "yes" if ratio <= GOAL else "**no**"
    return f"| {name} | {side} | {plain:.2f} | {adaptive:.2f} | {ratio:.2f} | {verdict} |"


def main() -> None:
    """Print the table as Markdown."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    torch.set_num_threads(1)
    keep_freed_memory()
    digits = load_data("digits")
    print(f"torch {torch.__version__}, float32, one CPU thread, best of {repeats} x {STEPS} steps.")
    print(
        f"Digits in batches of {RECIPE.batch_size}, 10 classes; a plain step has cross-entropy.\n"
    )
    print(f"| network | pixels | plain step, ms | AdaLFL's step, ms | ratio | <= {GOAL} |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, factor in MODELS:
        print(line(name, enlarged(digits, factor), repeats), flush=True)


if __name__ == "__main__":
    main()
