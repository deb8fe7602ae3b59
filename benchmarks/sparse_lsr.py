"""Time and memory of SparseLSR beside cross-entropy and two kinds of label smoothing.

    python benchmarks/sparse_lsr.py [--repeats 30] [--picture docs/sparse_lsr.png] \\
        > benchmarks/results/sparse_lsr.md

Every line of the first table has logits of the same size in memory. The losses take turns within
one process and the shortest CPU time of each counts, since machines are shared. Memory is the
largest sum of what is allocated at once during forward and backward pass, logits not included.
"""

import argparse
import ctypes
import json
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from fewshot_bench.inner.losses.criterion import supervised_loss
from fewshot_bench.inner.losses.sparse_lsr import sparse_lsr

XI = 0.1
ELEMENTS = 4_000_000
CLASSES = (10, 100, 1_000, 10_000, 50_000, 200_000, 1_000_000)
# A 5-way 5-shot support set, and ordinary mini-batches.
SMALL = ((25, 5), (256, 10), (256, 100))
TIME_GOAL = 0.95  # of torch's label smoothing
MEMORY_GOALS = {"torch LS": 0.5, "explicit LS": 0.2}

Loss = Callable[[Tensor, Tensor], Tensor]


def explicit_smoothing(logits: Tensor, target: Tensor) -> Tensor:
    """Label smoothing with the soft targets written out."""
    soft = torch.full_like(logits, XI / logits.shape[1])
    soft.scatter_(1, target[:, None], 1 - XI + XI / logits.shape[1])
    return F.cross_entropy(logits, soft)


LOSSES: dict[str, Loss] = {
    "cross-entropy": F.cross_entropy,
    "SparseLSR": lambda logits, target: sparse_lsr(logits, target, XI),
    "torch LS": lambda logits, target: F.cross_entropy(logits, target, label_smoothing=XI),
    "explicit LS": explicit_smoothing,
    # What trainings and inner loops call: without weights, reductions and their checks.
    "in training": supervised_loss("sparse_lsr", smoothing=XI),
}


def forward_and_backward(loss: Loss, logits: Tensor, target: Tensor) -> None:
    """What is measured."""
    torch.autograd.grad(loss(logits, target), logits)


def cpu_seconds(logits: Tensor, target: Tensor, repeats: int) -> dict[str, float]:
    """Shortest time of each loss, taking turns."""
    best = dict.fromkeys(LOSSES, float("inf"))
    for _ in range(repeats):
        for name, loss in LOSSES.items():
            start = time.process_time()
            forward_and_backward(loss, logits, target)
            best[name] = min(best[name], time.process_time() - start)
    return best


def peak_bytes(loss: Loss, logits: Tensor, target: Tensor) -> int:
    """Largest sum of live allocations, as torch's profiler records them."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        forward_and_backward(loss, logits, target)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        recorded.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    changes = [(e["ts"], e["args"]["Bytes"]) for e in events if e["name"] == "[memory]"]
    now = peak = 0
    for _, change in sorted(changes, key=lambda item: item[0]):
        now += change
        peak = max(peak, now)
    return peak


@dataclass(frozen=True)
class Measured:
    """One size.

    Attributes:
        n: instances.
        c: classes.
        seconds: CPU time of each loss.
        memory: bytes of each loss.
    """

    n: int
    c: int
    seconds: dict[str, float]
    memory: dict[str, int]

    @property
    def logits(self) -> int:
        """Bytes of the logits, and of their gradient."""
        return 4 * self.n * self.c

    def besides(self, name: str) -> float:
        """Memory besides the gradient, which every loss has to return, in sizes of the logits."""
        return self.memory[name] / self.logits - 1


def measure(n: int, c: int, repeats: int) -> Measured:
    """All losses at one size."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(n, c, generator=generator).requires_grad_()
    target = torch.randint(c, (n,), generator=generator)
    seconds = cpu_seconds(logits, target, repeats)
    memory = {name: peak_bytes(loss, logits, target) for name, loss in LOSSES.items()}
    return Measured(n, c, seconds, memory)


def line(m: Measured) -> str:
    """One line of the table."""
    own = "SparseLSR"
    others = ("cross-entropy", "torch LS", "explicit LS")
    limit = TIME_GOAL * m.seconds["torch LS"]
    verdict = "yes" if m.seconds[own] <= limit else "**no**"
    in_training = m.seconds["in training"] / m.seconds["torch LS"]
    cells = [f"{m.c:,}", f"{m.n:,}", f"{1e3 * m.seconds['cross-entropy']:.3g}"]
    cells += [f"{m.seconds[own] / m.seconds[other]:.2f}" for other in others]
    cells += [verdict, f"{in_training:.2f}"]
    cells += [f"{m.memory[own] / m.memory[other]:.2f}" for other in others]
    cells += [f"{m.besides(name):.2f}" for name in (own, "torch LS", "explicit LS")]
    return "| " + " | ".join(cells) + " |"


def draw(found: list[Measured]) -> Figure:
    """Time and memory over the number of classes, in units that do not depend on the batch."""
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    classes = [m.c for m in found]
    for name in ("cross-entropy", "SparseLSR", "torch LS", "explicit LS"):
        left.plot(classes, [1e9 * m.seconds[name] / (m.n * m.c) for m in found], label=name)
        right.plot(classes, [m.memory[name] / m.logits for m in found])
    left.set_ylabel("ns per logit, forward and backward", fontsize=8)
    right.set_ylabel("peak memory / logits", fontsize=8)
    right.axhline(1, color="0.6", linewidth=0.8, linestyle=":")
    right.annotate("the gradient itself", (12, 1.03), color="0.4", fontsize=7)
    for axes in (left, right):
        axes.set(xscale="log", ylim=(0, None), xlabel="classes")
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, fontsize=7)
    return figure


def keep_freed_memory() -> None:
    """Make glibc hand freed blocks out again at once.

    Otherwise page faults swamp what is compared, in favour of whoever allocates least.
    """
    if platform.system() == "Linux":
        libc = ctypes.CDLL(None)
        trim_threshold, mmap_max = -1, -4
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_max, 0)


def main() -> None:
    """Print the table as Markdown, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    repeats = options.repeats
    torch.set_num_threads(1)
    keep_freed_memory()
    print(f"torch {torch.__version__}, float32, one CPU thread, best of {repeats}; xi = {XI}.")
    print("SparseLSR, forward and backward pass, as a multiple of")
    print("CE: cross-entropy; LS: label smoothing by torch; soft: with soft targets written out.")
    print("In training: what inner loops and trainings call, without checks of arguments.")
    print("The last three columns: memory besides the gradient itself, in sizes of the logits.")
    print(
        f"Goals: time at most {TIME_GOAL} of LS at every size; memory below"
        f" {MEMORY_GOALS['torch LS']} of LS and at most {MEMORY_GOALS['explicit LS']} of soft.\n"
    )
    ratios = ["CE", "LS", "soft"]
    head = [
        "C",
        "batch",
        "CE, ms",
        *(f"time / {r}" for r in ratios),
        f"<= {TIME_GOAL} LS",
        "in training / LS",
    ]
    head += [*(f"memory / {r}" for r in ratios), "besides", "LS besides", "soft besides"]
    print("| " + " | ".join(head) + " |")
    print("|" + " ---: |" * len(head))
    found = []
    for c in CLASSES:
        found.append(measure(ELEMENTS // c, c, repeats))
        print(line(found[-1]), flush=True)
    for n, c in SMALL:
        print(line(measure(n, c, 100 * repeats)), flush=True)
    if options.picture:
        draw(found).savefig(options.picture, dpi=90)


if __name__ == "__main__":
    main()
