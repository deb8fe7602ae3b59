"""Reptile: its surrogate loss, its mini-batches, and queries alone or together."""

import dataclasses

import torch
import torch.nn.functional as F

from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.nn.norm import NormMode
from tests.methods.common import adapted, build, make_episode, make_params

LR = 0.1


def with_sgd(method):
    return dataclasses.replace(method, method=dataclasses.replace(method.method, optimizer=SGD(LR)))


def meta_gradient(method, params, episode):
    loss, _ = method.episode_loss(params, episode)
    return dict(zip(params, torch.autograd.grad(loss, list(params.values())), strict=True))


def everything(episode):
    images = torch.cat([episode.support, episode.query])
    return images, torch.cat([episode.support_labels, episode.query_labels])


def test_one_step_of_sgd_is_joint_training():
    method = with_sgd(build("reptile", steps=1, batch=0))
    params, episode = make_params(method), make_episode()
    images, labels = everything(episode)
    logits = method.method.logits(params, images, NormMode(training=True))
    expected = torch.autograd.grad(F.cross_entropy(logits, labels), list(params.values()))
    for grad, joint in zip(meta_gradient(method, params, episode).values(), expected, strict=True):
        torch.testing.assert_close(grad, LR * joint, rtol=1e-9, atol=1e-12)


def test_the_meta_gradient_points_away_from_the_trained_task():
    """With whole batches and SGD the trained task is where MAML's inner loop ends."""
    method = with_sgd(build("reptile", steps=3, batch=0))
    params, episode = make_params(method), make_episode()
    images, labels = everything(episode)
    joint = dataclasses.replace(episode, support=images, support_labels=labels)
    trained = adapted(build("maml", steps=3, lr=LR), params, joint)
    for name, grad in meta_gradient(method, params, episode).items():
        expected = params[name] - trained[name]
        torch.testing.assert_close(grad, expected, rtol=1e-6, atol=1e-9)


def test_batches_use_every_image_before_one_comes_again():
    method = build("reptile", steps=7, batch=4)

    def batches(draw):
        return list(method._batches(10, torch.Generator().manual_seed(draw)))

    rows = batches(3)
    assert [len(batch) for batch in rows] == [4] * 7
    seen = torch.cat(rows).tolist()
    assert sorted(seen[:10]) == sorted(seen[10:20]) == list(range(10))
    assert torch.equal(torch.cat(batches(3)), torch.cat(rows))
    assert not torch.equal(torch.cat(batches(4)), torch.cat(rows))


def test_queries_together_differ_from_queries_alone():
    alone, together = build("reptile", test_steps=3), build("reptile[transductive]", test_steps=3)
    params, episode = make_params(alone), make_episode()
    assert not torch.allclose(alone.predict(params, episode), together.predict(params, episode))
    one = dataclasses.replace(episode, query=episode.query[:1])
    torch.testing.assert_close(alone.predict(params, one)[0], alone.predict(params, episode)[0])
