"""The MAML family: exact meta-gradients, layers that stay put, work that is done once."""

import dataclasses

import pytest
import torch

from fewshot_bench.inner.optimizers.masks import RowMasks
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.optimizers.transform import Transformed
from fewshot_bench.methods.build import resolve_options
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.nn.heads import ConeHead
from fewshot_bench.registry import METHODS
from tests.methods.common import (
    adapted,
    build,
    build_learner,
    initial,
    learned,
    make_episode,
    make_params,
    shaken,
    slope,
)

GRADIENT_LEARNERS = [
    entry.name for entry in METHODS if isinstance(build_learner(entry.name), GradientLearner)
]
# A first-order outer gradient is not the derivative of the loss, by intention.
EXACT = [name for name in GRADIENT_LEARNERS if name != "fomaml"]


def smooth_learner(name, **options):
    """The member with what it rounds or holds constant made differentiable."""
    if name == "proto-maml":
        options["order"] = 2
    if name in ("gap", "alfa"):
        options["optimizer_options"] = {"exact": True}
    learner = build_learner(name, **options)
    if name == "mt-net":
        soft = Transformed(RowMasks(learner.embedding.named("convolution"), hard=False), SGD())
        learner = dataclasses.replace(learner, optimizer=soft)
    return learner


@pytest.mark.parametrize("name", EXACT)
def test_meta_gradients_equal_finite_differences(name):
    method = smooth_learner(name, steps=2)
    params, episode = shaken(make_params(method)), make_episode()
    names = list(learned(params))
    loss, _ = method.episode_loss(params, episode)
    grads = torch.autograd.grad(loss, [params[n] for n in names])
    for group in ("backbone", "optimizer", "warp", "film", "loss", ""):
        members = [n for n in names if n.startswith(group)]
        if not members:
            continue
        # Along a random direction that weighs every tensor alike, whatever its size.
        generator = torch.Generator().manual_seed(11)
        direction = {n: torch.randn(params[n].shape, generator=generator).double() for n in members}
        direction = {n: d / d.norm() / len(members) for n, d in direction.items()}
        exact = sum(
            (g * direction[n]).sum() for n, g in zip(names, grads, strict=True) if n in direction
        )
        numeric = slope(method, params, episode, direction)
        assert numeric == pytest.approx(exact.item(), rel=1e-5, abs=1e-9), group


@pytest.mark.parametrize("name", GRADIENT_LEARNERS)
def test_first_order_gives_every_weight_a_gradient_without_second_derivatives(name):
    method = dataclasses.replace(build_learner(name, steps=2), order=1)
    params, episode = shaken(make_params(method)), make_episode()
    loss, _ = method.episode_loss(params, episode)
    weights = [value for key, value in learned(params).items() if key.endswith("conv.weight")]
    assert all(g.abs().max() > 0 for g in torch.autograd.grad(loss, weights, retain_graph=True))
    exact = dataclasses.replace(method, order=2).episode_loss(params, episode)[0]
    torch.testing.assert_close(loss, exact)


@pytest.mark.parametrize("name", GRADIENT_LEARNERS)
def test_the_prefix_run_once_equals_running_everything(name, monkeypatch):
    """As a single stage, the whole network goes through every inner step."""
    split = GradientLearner.first_adapted
    monkeypatch.setattr(
        GradientLearner,
        "first_adapted",
        lambda self, params: 0 if isinstance(self.embedding, Unsplit) else split(self, params),
    )
    method = build_learner(name, steps=2)
    params, episode = shaken(make_params(method)), make_episode()
    backbone = Unsplit(method.embedding)
    whole = dataclasses.replace(method, embedding=backbone)
    for run in (lambda m: m.episode_loss(params, episode)[0], lambda m: m.predict(params, episode)):
        torch.testing.assert_close(run(method), run(whole), rtol=1e-6, atol=1e-6)
    backbone.runs = 0
    whole.episode_loss(params, episode)
    assert backbone.runs >= 3  # the support set in each step, and the queries
    names = list(learned(params))
    once, always = (
        torch.autograd.grad(m.episode_loss(params, episode)[0], [params[n] for n in names])
        for m in (method, whole)
    )
    for n, a, b in zip(names, once, always, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9, msg=n)


class Unsplit:
    """A backbone as a single stage, which leaves no prefix to run once."""

    name = "backbone"

    def __init__(self, backbone):
        self.backbone, self.feature_dim, self.stages = backbone, backbone.feature_dim, (self,)
        self.task_params, self.mixes_queries = backbone.task_params, backbone.mixes_queries
        self.frozen, self.runs = 0, 0

    def __call__(self, params, x, mode, first=0, last=None):
        if last == 0:
            return x
        self.runs += 1
        return self.backbone(params, x, mode)


FROZEN = {
    "anil": ("backbone.",),
    "boil": ("head.",),
    "cavia": ("backbone.block1.conv", "backbone.block3.conv", "head.", "film."),
    "t-net": ("warp.",),
    "mt-net": ("warp.",),
    "warpgrad": ("warp.",),
    "npbml": ("backbone.block1", "backbone.block3", "warp.", "film.warp", "loss.", "relation."),
}


@pytest.mark.parametrize("name", ["alfa", "metal", "sca", "maml++"])
def test_scales_and_shifts_of_the_normalisation_stay_in_maml_plus_plus_and_what_builds_on_it(name):
    method = build_learner(name, steps=2)
    moved = set(adapted(method, shaken(make_params(method)), make_episode()))
    assert not any(".norm." in n for n in moved)
    if name != "maml++":
        everything = build_learner(name, steps=2, adapt="all")
        more = set(adapted(everything, shaken(make_params(everything)), make_episode())) - moved
        assert more
        assert all(".norm." in n for n in more)


@pytest.mark.parametrize("name", FROZEN)
def test_what_is_frozen_does_not_move(name):
    method = build(name)
    params, episode = shaken(make_params(method)), make_episode()
    start, moved = initial(method, params, episode), adapted(method, params, episode)
    assert moved.keys() == start.keys()
    assert not any(n.startswith(FROZEN[name]) for n in moved)
    assert all(not torch.equal(moved[n], start[n]) for n in moved if "mask" not in n)


def test_every_context_begins_at_zero_and_gives_the_same_network():
    method = build("cavia", steps=0, test_steps=0)
    params, episode = make_params(method), make_episode()
    assert not torch.cat(list(initial(method, params, episode).values())).any()
    plain = build("maml", steps=0, test_steps=0)
    torch.testing.assert_close(method.predict(params, episode), plain.predict(params, episode))


def test_a_vector_that_all_classes_share_changes_nothing():
    zero = build("unicorn-maml")
    cone = dataclasses.replace(zero, head=ConeHead())
    params, episode = make_params(cone), make_episode()
    torch.testing.assert_close(
        torch.softmax(cone.predict(params, episode), dim=1),
        torch.softmax(zero.predict(params, episode), dim=1),
        rtol=1e-9,
        atol=1e-9,
    )
    loss, _ = cone.episode_loss(params, episode)
    torch.testing.assert_close(loss, zero.episode_loss(params, episode)[0])
    [grad] = torch.autograd.grad(loss, [params["cone.weight"]])
    assert grad.abs().max() < 1e-14


@pytest.mark.parametrize("head", [None, ConeHead()])
def test_a_head_without_classes_serves_any_number_of_them(head):
    method = build("unicorn-maml", n_way=4)
    method = dataclasses.replace(method, head=head or method.head)
    params = make_params(method)
    assert method.predict(params, make_episode(n_way=3)).shape[1] == 3
    loss, _ = method.episode_loss(params, make_episode(n_way=6))
    assert loss.isfinite()


def test_masks_are_drawn_anew_for_each_task():
    method = build("mt-net")
    params, episode = make_params(method), make_episode()
    one, same, other = (
        method.predict(params, dataclasses.replace(episode, draw=n)) for n in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    "name", [name for name in GRADIENT_LEARNERS if "bn" in resolve_options(name, {})]
)
@pytest.mark.parametrize("bn", ["running", "support"])
def test_without_statistics_of_the_queries_it_is_inductive(name, bn):
    method = build(name, bn=bn)
    if method.loss.transductive:
        pytest.skip("its loss sees the queries")
    assert method.traits.setting == "inductive"
    params, episode = make_params(method), make_episode()
    changed = dataclasses.replace(
        episode, query=torch.cat([episode.query[:1], 1 - episode.query[1:]])
    )
    whole, other = method.predict(params, episode), method.predict(params, changed)
    torch.testing.assert_close(whole[0], other[0], rtol=1e-9, atol=1e-9)
