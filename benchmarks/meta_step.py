"""One outer step of ours against a plain unroll that runs the whole network at every inner step.

    python benchmarks/meta_step.py [repeats] > benchmarks/results/meta_step.md

conv4-64, 5-way, 15 queries, 5 inner steps, 4 tasks a step. The plain unroll is written as most
public code is: every inner step passes all images it needs through the whole network, with torch's
own layers, and the losses of all tasks are differentiated together. Gradients are compared first.
Each case runs in a process of its own; time is CPU time of the fastest repeat on one thread,
memory the growth of the resident set's peak.
"""

import json
import resource
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.data.episodes import EpisodeIds
from fewshot_bench.data.loader import EpisodeBatch
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.build import build_method
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.npbml.learner import NPBML
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.params import Params, is_buffer, subset
from fewshot_bench.platform import keep_freed_memory
from fewshot_bench.training.strategy import AllAtOnce, task_by_task

N_WAY, N_QUERY, BLOCKS = 5, 15, 4
OPTIONS = {"npbml": {"relation": "prototypes"}, "anil": {}, "maml": {}}


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


def plain_step(learner: GradientLearner, params: Params, batch: EpisodeBatch) -> float:
    """One outer step, all graphs alive until the end."""
    losses = []
    for episode in batch:
        whole = params | learner.head.begin(params, None, episode.support_labels, N_WAY)
        phi, context = subset(params, "loss"), None
        start = learner.adapted_part(whole)
        adapted = {n: v if v.requires_grad else v.requires_grad_() for n, v in start.items()}

        def logits(moved: Params, x: Tensor, whole: Params = whole) -> Tensor:
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
            grads = torch.autograd.grad(inner, list(adapted.values()), create_graph=True)
            pairs = zip(adapted.items(), grads, strict=True)
            adapted = {name: value - learner.optimizer.lr * g for (name, value), g in pairs}
        losses.append(F.cross_entropy(logits(adapted, episode.query), episode.targets))
    loss = torch.stack(losses).mean()
    loss.backward()
    return loss.item()


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


WAYS = {
    "plain": plain_step,
    "sequential": lambda *case: task_by_task(*case, step=0),
    "vmap": lambda *case: AllAtOnce()(*case, step=0),
}


def check(name: str) -> None:
    """All ways must give the same gradient.

    In float64: in float32 a tie of rounding in one pooling window is a thousandth of the gradient.
    """
    grads = []
    for step in WAYS.values():
        case = make_case(name, 28, 1, 2, torch.float64)
        step(*case)
        learned = [p for p in case[1].values() if p.requires_grad]
        rows = [torch.zeros_like(p) if p.grad is None else p.grad for p in learned]
        grads.append(torch.cat([row.flatten() for row in rows]))
    for grad in grads[1:]:
        assert (grad - grads[0]).norm() < 1e-6 * grads[0].norm(), "not the same computation"


def measure(way: str, name: str, size: int, n_shot: int, tasks: int, repeats: int) -> dict:
    """Seconds and bytes of one case; to be called in a fresh process."""
    torch.set_num_threads(1)
    keep_freed_memory()
    case = make_case(name, size, n_shot, tasks)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        loss = WAYS[way](*case)
        seconds.append(time.process_time() - start)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": min(seconds), "bytes": 1024 * grown, "loss": loss}


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


def main() -> None:
    """Print the table as Markdown, or measure one case."""
    if sys.argv[1:2] == ["case"]:
        way, name, *numbers = sys.argv[2:]
        print(json.dumps(measure(way, name, *map(int, numbers))))
        return
    print(f"torch {torch.__version__}, one CPU thread, float32. Time and memory of ours (one task")
    print("after another; vmap: all at once) as a share of the plain unroll's; last column: memory")
    print("of a meta-batch of one task as a share of that of four.\n")
    table(int(sys.argv[1]) if len(sys.argv) > 1 else 3)


if __name__ == "__main__":
    main()
