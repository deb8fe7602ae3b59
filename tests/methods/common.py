"""A small episode and a small learner for the tests of methods."""

import torch

from fewshot_bench.data.loader import Episode
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.build import build_method
from fewshot_bench.methods.maml_plus_plus import Annealed
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.params import is_buffer
from tests.tiny import SMALL

N_WAY, N_SHOT, N_QUERY, SIZE = 4, 2, 3, 16


def build(name, backbone="conv4-32", n_way=N_WAY, **options):
    options = SMALL.get(name.partition("[")[0], {}) | options
    return build_method(name, Setup(backbone, ImageShape(1, SIZE), n_way), options)


def build_learner(name, **options):
    """A gradient learner, as it is at the end of training where that makes a difference."""
    method = build(name, **options)
    return method.method if isinstance(method, Annealed) else method


def make_params(method, dtype=torch.float64, seed=0):
    params = method.init(torch.Generator().manual_seed(seed))
    params = {name: value.to(dtype) for name, value in params.items()}
    for name, value in params.items():
        value.requires_grad_(not is_buffer(name) and not method.frozen(name))
    return params


def shaken(params, scale=0.05, seed=3):
    """Away from the identity, so that no derivative is zero by symmetry."""
    generator = torch.Generator().manual_seed(seed)
    out = {}
    for name, value in params.items():
        noise = torch.randn(value.shape, generator=generator).to(value.dtype)
        size = value.detach().abs().clamp(max=1).mean().clamp(min=0.2)
        step = 0.0 if is_buffer(name) else scale * size
        out[name] = (value.detach() + step * noise).requires_grad_(value.requires_grad)
    return out


def learned(params):
    return {name: value for name, value in params.items() if value.requires_grad}


def initial(learner, params, episode):
    """What a task moves, before the first inner step."""
    return learner.task(params, episode).initial


def adapted(learner, params, episode):
    """And after the last one of training."""
    return learner.task(params, episode).adapted(learner.steps, learner.order)


def make_episode(dtype=torch.float64, seed=0, n_way=N_WAY):
    """Noisy copies of one random image per class: learnable, not trivial."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.randn(n_way, 1, 1, SIZE, SIZE, generator=generator, dtype=dtype)
    noise = torch.randn(n_way, N_SHOT + N_QUERY, 1, SIZE, SIZE, generator=generator, dtype=dtype)
    images = centre + 0.7 * noise
    labels = torch.arange(n_way)
    return Episode(
        support=images[:, :N_SHOT].flatten(0, 1),
        support_labels=labels.repeat_interleave(N_SHOT),
        query=images[:, N_SHOT:].flatten(0, 1),
        query_labels=labels.repeat_interleave(N_QUERY),
        n_way=n_way,
    )


def slope(method, params, episode, direction, h=1e-6):
    """Derivative of the episode loss along a direction, by finite differences.

    The step is small because ReLU and max-pooling have kinks.
    """

    def loss_at(t):
        moved = {
            n: p.detach() + t * direction[n] if n in direction else p.detach()
            for n, p in params.items()
        }
        moved = {n: p.requires_grad_(not is_buffer(n)) for n, p in moved.items()}
        return method.episode_loss(moved, episode)[0].item()

    return (8 * (loss_at(h) - loss_at(-h)) - (loss_at(2 * h) - loss_at(-2 * h))) / (12 * h)
