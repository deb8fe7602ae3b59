"""One outer step of ours against a plain unroll that runs the whole network at every inner step.

    python benchmarks/meta_step.py [repeats] > benchmarks/results/meta_step.md
    python benchmarks/meta_step.py bank [repeats] > benchmarks/results/bank.md

conv4-64, 5-way, 15 queries, 5 inner steps, 4 tasks a step. The plain unroll is written as most
public code is: every inner step passes all images it needs through the whole network, with torch's
own layers, and the losses of all tasks are differentiated together. Gradients are compared first.
Each case runs in a process of its own; time is CPU time of the fastest repeat on one thread,
memory the growth of the resident set's peak. ``bank`` compares training and evaluation of NPBML
from images with those from the activation bank, which is there before the clock starts; processes
take turns, and the fastest counts.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.episodes import EpisodeIds
from fewshot_bench.data.loader import Episode, EpisodeBatch
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.build import build_method
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.npbml.learner import NPBML
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.params import Params, is_buffer, subset
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.training.strategy import AllAtOnce, task_by_task

Step = Callable[[GradientLearner, Params, EpisodeBatch], float]
N_WAY, N_QUERY, BLOCKS = 5, 15, 4
PAPER = {"relation": "prototypes", "film": True, "head": "cone", "features": "pooled"}
OPTIONS = {"npbml": PAPER, "anil": {}, "maml": {}}


def plain_features(params: Params, x: Tensor, pooled: bool) -> Tensor:
    """conv4, with NPBML's modulation and warp where the parameters hold them."""
    for i in range(1, BLOCKS + 1):
        block = f"backbone.block{i}"
        told = x.mean(dim=(2, 3))
        x = F.conv2d(x, params[f"{block}.conv.weight"], padding=1)
        mean, var = (params.get(f"{block}.norm.running_{k}") for k in ("mean", "var"))
        affine = params[f"{block}.norm.weight"], params[f"{block}.norm.bias"]
        x = F.batch_norm(x, mean, var, *affine, training=mean is None)
        x = F.relu(plain_film(params, block, told, F.max_pool2d(x, 2)))
        if (warp := params.get(f"warp.{block}.weight")) is not None:
            told = x.mean(dim=(2, 3))
            x = plain_film(params, f"warp.{block}", told, F.conv2d(x, warp, padding=1))
    return x.mean(dim=(2, 3)) if pooled else x.flatten(1)


def plain_film(params: Params, name: str, told: Tensor, x: Tensor) -> Tensor:
    """Scale and shift channels."""
    if (weight := params.get(f"film.{name}.weight")) is None:
        return x
    layer = F.linear(told, weight, params[f"film.{name}.bias"])
    scale, shift = layer[..., None, None].chunk(2, dim=1)
    return (1 + scale) * x + shift


def plain_logits(
    learner: GradientLearner, params: Params, episode: Episode, *, training: bool
) -> Tensor:
    """Query logits after the inner steps; with their graph in training."""
    whole = params | learner.head.begin(params, None, episode.support_labels, N_WAY)
    phi, context = subset(params, "loss"), None
    start = learner.adapted_part(whole)
    adapted = {n: v if v.requires_grad else v.requires_grad_() for n, v in start.items()}

    def logits(moved: Params, x: Tensor) -> Tensor:
        every = whole | moved
        features = plain_features(every, x, learner.embedding.pool)
        return F.linear(features, every["head.weight"], every["head.bias"])

    if isinstance(learner, NPBML) and learner.relation is not None:
        with torch.no_grad():
            images = (episode.support, episode.query)
            features = [plain_features(whole, x, learner.embedding.pool) for x in images]
            context = learner.relation(params, episode, *features)
    for step in range(learner.steps):
        others = logits(adapted, episode.query) if learner.loss.transductive else None
        ours = logits(adapted, episode.support)
        view = TaskView(ours, episode.support_labels, adapted, step, others, context)
        inner = learner.loss(phi, view)
        grads = torch.autograd.grad(inner, list(adapted.values()), create_graph=training)
        pairs = zip(adapted.items(), grads, strict=True)
        adapted = {name: value - learner.optimizer.lr * g for (name, value), g in pairs}
        if not training:
            adapted = {name: value.detach().requires_grad_() for name, value in adapted.items()}
    return logits(adapted, episode.query)


def plain_step(learner: GradientLearner, params: Params, batch: EpisodeBatch) -> float:
    """One outer step, all graphs alive until the end."""
    losses = [
        F.cross_entropy(plain_logits(learner, params, e, training=True), e.targets) for e in batch
    ]
    loss = torch.stack(losses).mean()
    loss.backward()
    return loss.item()


def plain_test(learner: GradientLearner, params: Params, batch: EpisodeBatch) -> float:
    """Predictions of some episodes; returns the mean loss."""
    losses = []
    for episode in batch:
        logits = plain_logits(learner, params, episode, training=False).detach()
        losses.append(F.cross_entropy(logits, episode.targets).item())
    return sum(losses) / len(losses)


def test(learner: GradientLearner, params: Params, batch: EpisodeBatch) -> float:
    """The same by our learner."""
    losses = [F.cross_entropy(learner.predict(params, e), e.targets).item() for e in batch]
    return sum(losses) / len(losses)


def on_activations(step: Step) -> Step:
    """The same step by the rest of the learner behind its trunk, given activations."""

    def run(learner: GradientLearner, params: Params, batch: EpisodeBatch) -> float:
        return step(learner.trunk().rest, params, batch)

    return run


def activations(learner: GradientLearner, params: Params, batch: EpisodeBatch) -> EpisodeBatch:
    """What leaves the trunk, in place of the images of a batch."""
    trunk = learner.trunk()
    both = (
        trunk(params, x.flatten(0, 1)).contiguous().unflatten(0, x.shape[:2])
        for x in (batch.support, batch.query)
    )
    support, query = both
    return replace(batch, support=support, query=query)


def make_case(
    name: str, size: int, n_shot: int, tasks: int, dtype: torch.dtype = torch.float32
) -> tuple:
    """Learner, parameters and a batch of random images."""
    setup = Setup("conv4-64", ImageShape(3, size), N_WAY)
    learner = build_method(name, setup, OPTIONS[name])
    generator = torch.Generator().manual_seed(0)
    params = {key: value.to(dtype) for key, value in learner.init(generator).items()}
    for key, value in params.items():
        value.requires_grad_(not is_buffer(key) and not learner.frozen(key))
    label = torch.arange(N_WAY)
    support, query = (
        torch.randn(tasks, N_WAY * n, 3, size, size, generator=generator).to(dtype)
        for n in (n_shot, N_QUERY)
    )
    ids, labels = np.zeros((tasks, 1), np.int32), np.zeros((tasks, 1), np.int64)
    batch = EpisodeBatch(
        EpisodeIds(np.arange(tasks, dtype=np.uint32), ids, ids, labels, ids, labels),
        support,
        label.repeat_interleave(n_shot).repeat(tasks, 1),
        query,
        label.repeat_interleave(N_QUERY).repeat(tasks, 1),
        np.tile(np.arange(N_WAY * N_QUERY), (tasks, 1)),
        N_WAY,
    )
    return learner, params, batch


def sequential(*case: Any) -> float:
    """A step of ours, one task after another."""
    return task_by_task(*case, step=0)


def mapped(*case: Any) -> float:
    """A step of ours, all tasks at once."""
    return AllAtOnce()(*case, step=0)


WAYS: dict[str, Step] = {"plain": plain_step, "sequential": sequential, "vmap": mapped}
BANK = {"bank": on_activations(sequential), "bank, vmap": on_activations(mapped)}
TESTS = {"plain test": plain_test, "test": test, "bank test": on_activations(test)}


def check(name: str) -> None:
    """All ways must give the same gradient.

    In float64: in float32 a tie of rounding in one pooling window is a thousandth of the gradient.
    """
    grads = []
    for way, step in {**WAYS, **(BANK if name == "npbml" else {})}.items():
        case = make_case(name, 28, 1, 2, torch.float64)
        if way in BANK:
            case = (*case[:2], activations(*case))
        step(*case)
        learned = [p for p in case[1].values() if p.requires_grad]
        rows = [torch.zeros_like(p) if p.grad is None else p.grad for p in learned]
        grads.append(torch.cat([row.flatten() for row in rows]))
    for grad in grads[1:]:
        assert (grad - grads[0]).norm() < 1e-6 * grads[0].norm(), "not the same computation"


def measure(way: str, name: str, size: int, n_shot: int, tasks: int, repeats: int) -> dict:
    """Seconds and bytes of one case; to be called in a fresh process."""
    torch.set_num_threads(1)
    keep_freed_memory(size)
    case = make_case(name, size, n_shot, tasks)
    if way.startswith("bank"):
        case = (*case[:2], activations(*case))
    step = {**WAYS, **BANK, **TESTS}[way]
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far, which imports have made
    before = resident("VmRSS")
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        loss = step(*case)
        seconds.append(time.process_time() - start)
    return {"seconds": min(seconds), "bytes": resident("VmHWM") - before, "loss": loss}


def resident(what: str) -> int:
    """Bytes of memory of this process: ``VmRSS`` now, ``VmHWM`` at most."""
    [line] = [s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith(what)]
    return 1024 * int(line.split()[1])


def in_process(*case: object) -> dict:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "case", *map(str, case)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def table(repeats: int) -> None:
    """Print a line per case, ratios to the plain unroll."""
    print("| method | pixels | shot | plain, s | time | time, vmap | plain, MB | memory | 1 task |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in OPTIONS:
        check(name)
        for size in (28, 84):
            for n_shot in (1, 5):
                shape = (name, size, n_shot)
                runs = {way: in_process(way, *shape, 4, repeats) for way in WAYS}
                plain, ours = runs["plain"], runs["sequential"]
                assert abs(plain["loss"] - ours["loss"]) < 1e-3, "not the same computation"
                alone = in_process("sequential", *shape, 1, repeats)
                cells = (
                    *(name, size, n_shot, f"{plain['seconds']:.2f}"),
                    f"**{ours['seconds'] / plain['seconds']:.2f}**",
                    f"{runs['vmap']['seconds'] / plain['seconds']:.2f}",
                    f"{plain['bytes'] / 1e6:.0f}",
                    f"**{ours['bytes'] / plain['bytes']:.2f}**",
                    f"{alone['bytes'] / ours['bytes']:.2f}",
                )
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def bank_table(repeats: int) -> None:
    """Print a line per case: NPBML from images and from the bank."""
    print("| pixels | shot | work | plain, s | images | bank | bank, vmap | speed-up | memory |")
    print("|---|---|---|---|---|---|---|---|---|")
    check("npbml")
    for size in (32, 84):
        for n_shot in (1, 5):
            for work, ways in (("training", (*WAYS, *BANK)), ("test", tuple(TESTS))):
                found: dict[str, list[dict]] = {way: [] for way in ways if way != "vmap"}
                for _ in range(repeats):
                    for way, runs in found.items():
                        runs.append(in_process(way, "npbml", size, n_shot, 4, 2))
                best = {w: min(runs, key=lambda r: r["seconds"]) for w, runs in found.items()}
                plain, images, bank, *all_at_once = best.values()
                assert abs(plain["loss"] - bank["loss"]) < 1e-3, "not the same computation"
                share = [run["seconds"] / plain["seconds"] for run in (images, bank, *all_at_once)]
                cells = (
                    *(size, n_shot, work, f"{plain['seconds']:.2f}"),
                    *(f"{value:.3f}" for value in share),
                    *([] if all_at_once else ["–"]),
                    f"**{1 / share[1]:.1f}**",
                    f"**{bank['bytes'] / plain['bytes']:.2f}**",
                )
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def main() -> None:
    """Print the table as Markdown, or measure one case."""
    if sys.argv[1:2] == ["case"]:
        way, name, *numbers = sys.argv[2:]
        print(json.dumps(measure(way, name, *map(int, numbers))))
        return
    if sys.argv[1:2] == ["bank"]:
        print(f"torch {torch.__version__}, one CPU thread, float32; four tasks. Time of ours, from")
        print("images and from the activation bank, as a share of the plain unroll's; speed-up and")
        print("memory (share) of the bank, one task after another, against the plain unroll.\n")
        bank_table(int(sys.argv[2]) if len(sys.argv) > 2 else 3)
        return
    print(f"torch {torch.__version__}, one CPU thread, float32. Time and memory of ours (one task")
    print("after another; vmap: all at once) as a share of the plain unroll's; last column: memory")
    print("of a meta-batch of one task as a share of that of four.\n")
    table(int(sys.argv[1]) if len(sys.argv) > 1 else 3)


if __name__ == "__main__":
    main()
