"""WarpGrad's own objective against the two terms it is made of, built by hand."""

import torch
import torch.nn.functional as F

from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import subset
from tests.methods.common import build, make_episode, make_params

STEPS, LR = 2, 0.05


def gradients(loss, params, names):
    return dict(zip(names, torch.autograd.grad(loss, [params[n] for n in names]), strict=True))


def plain_loss(learner, params, images, labels):
    return F.cross_entropy(learner.logits(params, images, NormMode(training=True)), labels)


def one_step_loss(learner, params, point, episode):
    """Query loss after one step from ``point``, in plain PyTorch."""
    point = {name: value.detach().requires_grad_() for name, value in point.items()}
    loss = plain_loss(learner, params | point, episode.support, episode.support_labels)
    grads = torch.autograd.grad(loss, list(point.values()), create_graph=True)
    moved = {n: p.detach() - LR * g for (n, p), g in zip(point.items(), grads, strict=True)}
    return plain_loss(learner, params | moved, episode.query, episode.query_labels)


def test_warps_learn_from_single_steps_and_the_start_by_maml():
    method = build("warpgrad[one-step]", steps=STEPS, lr=LR)
    learner, params, episode = method.method, make_params(method), make_episode()
    names = list(params)
    got = gradients(method.episode_loss(params, episode)[0], params, names)

    through = gradients(learner.episode_loss(params, episode)[0], params, names)
    for name in names:
        if not name.startswith("warp."):
            torch.testing.assert_close(got[name], through[name])

    points = list(learner.task(params, episode).path(STEPS, 2))[:STEPS]
    losses = [one_step_loss(learner, params, point, episode) for point in points]
    expected = gradients(torch.stack(losses).mean(), params, list(subset(params, "warp")))
    for name, grad in expected.items():
        torch.testing.assert_close(got[name], grad)
        assert not torch.allclose(grad, through[name])
