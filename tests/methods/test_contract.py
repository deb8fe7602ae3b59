"""What every registered method must satisfy, whatever it does inside."""

import dataclasses

import pytest
import torch

from fewshot_bench.nn.norm import blend
from fewshot_bench.registry import METHODS
from tests.methods.common import N_WAY, build, learned, make_episode, make_params, shaken

NAMES = [entry.name for entry in METHODS]


@pytest.fixture(params=NAMES)
def case(request):
    method = build(request.param)
    params = make_params(method)
    # One training pass, so that running averages are not those of a fresh network.
    blend(params, method.episode_loss(params, make_episode(seed=9))[1])
    return request.param, method, params


def predict(method, params, episode):
    with torch.no_grad():
        return method.predict(params, dataclasses.replace(episode, query_labels=None))


def test_the_catalogue_tells_the_truth(case):
    name, method, _ = case
    entry = METHODS.entry(name)
    assert method.traits.setting == entry.setting
    assert entry.paper
    assert entry.summary


def test_logits_have_the_right_shape_and_are_finite(case):
    _, method, params = case
    episode = make_episode()
    logits = predict(method, params, episode)
    assert logits.shape == (len(episode.query), N_WAY)
    assert logits.isfinite().all()
    assert not logits.requires_grad


def test_nothing_is_remembered_from_one_call_to_the_next(case):
    _, method, params = case
    before = {name: value.detach().clone() for name, value in params.items()}
    first = predict(method, params, make_episode())
    predict(method, params, make_episode(seed=5))
    assert torch.equal(predict(method, params, make_episode()), first)
    assert all(torch.equal(params[name], before[name]) for name in params)


def test_the_order_of_the_parameters_does_not_matter(case):
    """A model read from a file holds them in another order than a fresh one."""
    _, method, params = case
    params, episode = shaken(params), make_episode()
    turned = dict(reversed(params.items()))
    expected = predict(method, params, episode)
    torch.testing.assert_close(predict(method, turned, episode), expected, rtol=1e-9, atol=1e-9)


def test_initialisation_follows_the_generator(case):
    _, method, _ = case
    one, same, other = (make_params(method, seed=s) for s in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_every_meta_parameter_gets_a_finite_gradient(case):
    _, method, params = case
    params = shaken(params)  # some learn nothing at the point where they begin as identity
    loss, _ = method.episode_loss(params, make_episode())
    names = list(learned(params))
    grads = torch.autograd.grad(loss, [params[name] for name in names], allow_unused=True)
    for name, grad in zip(names, grads, strict=True):
        assert grad is not None, f"{name} is not part of the loss"
        assert grad.isfinite().all(), name
        # More than what rounding leaves of a gradient that is zero on paper.
        assert grad.abs().max() > 1e-12, f"{name} gets no gradient"


def test_the_order_of_images_does_not_matter(case):
    _, method, params = case
    episode = make_episode()
    shuffle = torch.randperm(len(episode.support), generator=torch.Generator().manual_seed(1))
    turned = torch.randperm(len(episode.query), generator=torch.Generator().manual_seed(2))
    mixed = dataclasses.replace(
        episode,
        support=episode.support[shuffle],
        support_labels=episode.support_labels[shuffle],
        query=episode.query[turned],
    )
    expected = predict(method, params, episode)[turned]
    torch.testing.assert_close(predict(method, params, mixed), expected, rtol=1e-8, atol=1e-8)


def test_inductive_predictions_ignore_the_other_queries(case):
    _, method, params = case
    if method.traits.setting != "inductive":
        pytest.skip(f"{method.traits.setting}: other queries may matter")
    episode = make_episode()
    other = torch.randn(episode.query.shape, generator=torch.Generator().manual_seed(7)).double()
    other[0] = episode.query[0]
    changed = dataclasses.replace(episode, query=other)
    alone = predict(method, params, changed)[0]
    torch.testing.assert_close(alone, predict(method, params, episode)[0], rtol=1e-9, atol=1e-9)


def rename_classes(name, value, order):
    if "head." in name:
        for dim in (dim for dim, size in enumerate(value.shape) if size == N_WAY):
            value = value.index_select(dim, order)
    if name.startswith("loss.") and value.shape[-1] == 2 * N_WAY + 1:
        # NPBML's networks see the logits, then the labels, then the loss of an image.
        columns = torch.cat([order, N_WAY + order, torch.tensor([2 * N_WAY])])
        value = value.index_select(-1, columns)
    return value


def test_predictions_permute_with_the_classes(case):
    """Renaming the classes renames the predictions.

    A head with an output per class starts from weights of its own for each label, so there the
    weights, and what an optimiser has learned about each, are renamed too: the learner must not
    know more of a class than they say.
    """
    _, method, params = case
    episode, order = make_episode(), torch.tensor([2, 0, 3, 1])
    renamed = dataclasses.replace(episode, support_labels=order[episode.support_labels])
    back = torch.argsort(order)
    turned = {name: rename_classes(name, value, back) for name, value in params.items()}
    expected = predict(method, params, episode)[:, back]
    torch.testing.assert_close(predict(method, turned, renamed), expected, rtol=1e-7, atol=1e-7)
