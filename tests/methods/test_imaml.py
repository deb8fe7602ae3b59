"""iMAML: the implicit meta-gradient against closed forms, and where it is first-order MAML."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.inner.optimizers.proximal import Proximal
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.unroll import unroll
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.methods.imaml import ImplicitMAML, implicit_gradient
from tests.methods.common import build, learned, make_episode, make_params
from tests.methods.feature_cases import F64, N_WAY
from tests.methods.flat import FLAT, fixture_a

H = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=F64)
A = torch.tensor([1.0, -1.0], dtype=F64)
THETA = torch.tensor([0.5, 0.5], dtype=F64)
STRENGTH = 0.5
OUTER, C = torch.tensor([[1.0, 0.2], [0.2, 1.5]], dtype=F64), torch.tensor([0.0, 1.0], dtype=F64)
EYE = torch.eye(2, dtype=F64)


def inner_loss(phi):
    gap = phi["w"] - A
    return gap @ H @ gap / 2


def at_the_optimum():
    """Z20's minimiser by its formula, and the gradient of the outer loss there."""
    phi = torch.linalg.solve(H + STRENGTH * EYE, H @ A + STRENGTH * THETA)
    return {"w": phi}, {"w": OUTER @ (phi - C)}


def test_z20_inner_steps_end_at_the_minimiser():
    steps = unroll(
        lambda phi, step: inner_loss(phi),
        {"w": THETA},
        Proximal(STRENGTH, SGD(0.3)),
        {},
        n_steps=300,
        order=0,
    )
    *_, last = steps
    expected = torch.tensor([0.82258065, -0.62903226], dtype=F64)
    torch.testing.assert_close(last["w"], expected, rtol=0, atol=6e-9)
    torch.testing.assert_close(at_the_optimum()[0]["w"], expected, rtol=0, atol=6e-9)


def test_z20_the_meta_gradient_is_exact_after_as_many_iterations_as_numbers():
    phi, outer = at_the_optimum()
    found = implicit_gradient(inner_loss, phi, outer, STRENGTH, iterations=2)["w"]
    expected = torch.tensor([0.22715921, -0.54667014], dtype=F64)
    torch.testing.assert_close(found, expected, rtol=0, atol=6e-9)
    exact = torch.linalg.solve(EYE + H / STRENGTH, outer["w"])
    torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-12)


def test_the_damped_system_of_the_released_code():
    phi, outer = at_the_optimum()
    found = implicit_gradient(inner_loss, phi, outer, STRENGTH, 2, as_released=True)["w"]
    exact = torch.linalg.solve(2 * EYE + H / (STRENGTH + 10), outer["w"])
    torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-12)


def test_without_iterations_or_with_an_endless_pull_it_is_the_outer_gradient():
    phi, outer = at_the_optimum()
    assert implicit_gradient(inner_loss, phi, outer, 0.0, 0) is outer
    found = implicit_gradient(inner_loss, phi, outer, 1e12, 5)["w"]
    torch.testing.assert_close(found, outer["w"], rtol=1e-10, atol=1e-10)


def test_where_the_inner_loss_bends_down_it_is_the_outer_gradient():
    phi, outer = at_the_optimum()
    found = implicit_gradient(lambda p: -p["w"].square().sum(), phi, outer, 1.0, 5)
    assert torch.equal(found["w"], outer["w"])


def test_meta_gradients_equal_finite_differences_where_inner_steps_end_at_the_minimiser():
    """A linear head on fixed features, whose inner problem is convex."""
    learner = GradientLearner(FLAT, N_WAY, Proximal(0.5, SGD(0.5)), steps=400)
    method = ImplicitMAML(learner, strength=0.5, iterations=12)
    params = {k: v.double() for k, v in learner.init(torch.Generator().manual_seed(0)).items()}
    episode = fixture_a(torch.tensor([0, 1, 2, 1]))

    def loss_of(params):
        return method.episode_loss(params, episode).loss

    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    loss = loss_of(leaves)
    grads = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
    for name, value in params.items():
        for i in range(value.numel()):
            step = torch.zeros_like(value).flatten().index_fill(0, torch.tensor(i), 1e-5)
            ends = (
                loss_of({**params, name: value + sign * step.view_as(value)}).item()
                for sign in (1, -1)
            )
            up, down = ends
            numeric = (up - down) / 2e-5
            assert grads[name].flatten()[i].item() == pytest.approx(numeric, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("strength", [0.0, 2.0])
def test_without_iterations_it_is_first_order_maml_on_the_same_steps(strength):
    member = build("imaml", steps=3, iterations=0)
    optimizer = Proximal(strength, SGD(0.05))
    member = dataclasses.replace(
        member, method=dataclasses.replace(member.method, optimizer=optimizer)
    )
    first_order = dataclasses.replace(member.method, order=1)
    params, episode = make_params(member), make_episode()
    names = list(learned(params))
    found, expected = (
        (
            loss := method.episode_loss(params, episode).loss,
            torch.autograd.grad(loss, [params[n] for n in names]),
        )
        for method in (member, first_order)
    )
    torch.testing.assert_close(found[0], expected[0])
    for name, grad, other in zip(names, found[1], expected[1], strict=True):
        torch.testing.assert_close(grad, other, rtol=1e-9, atol=1e-11, msg=name)
    if not strength:  # and FOMAML itself, in what it predicts, too
        plain = build("fomaml", steps=3, test_steps=16, lr=0.05)
        torch.testing.assert_close(
            member.predict(params, episode), plain.predict(params, episode), rtol=1e-8, atol=1e-8
        )


def test_the_value_of_the_loss_is_that_of_the_queries():
    method = build("imaml", steps=2)
    params, episode = make_params(method), make_episode()
    expected = method.method.episode_loss(params, episode).loss
    torch.testing.assert_close(method.episode_loss(params, episode).loss, expected)
    adapted = method.method.task(params, episode).adapted(2, 0)
    logits = method.method.task(params, episode).query_logits(adapted, 2)
    torch.testing.assert_close(F.cross_entropy(logits, episode.targets), expected)
