"""RelationNet: pairs are scored by themselves."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.relation_net import relation_net, squared_error
from fewshot_bench.nn.backbone import Backbone, ImageShape
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.registry import BACKBONES, Entry
from tests.methods.common import SIZE, build, make_episode, make_params, shaken
from tests.methods.feature_cases import F64


def case(**options):
    method = build("relation-net", **options)
    params = {name: value.detach() for name, value in shaken(make_params(method)).items()}
    return method, params, make_episode()


def test_z38_squared_error_of_pairs():
    scores = torch.tensor([[0.9, 0.2, 0.1]], dtype=F64)
    assert squared_error(scores, torch.tensor([0])).item() == pytest.approx(0.02, abs=1e-12)


def test_a_score_does_not_depend_on_other_classes_and_queries():
    method, params, episode = case()
    chosen = episode.support_labels < 2
    smaller = dataclasses.replace(
        episode,
        support=episode.support[chosen],
        support_labels=episode.support_labels[chosen],
        query=episode.query[3:5],
        n_way=2,
    )
    expected = method.predict(params, episode)[3:5, :2]
    torch.testing.assert_close(method.predict(params, smaller), expected, rtol=1e-9, atol=1e-9)


def test_a_score_is_that_of_the_mean_map_of_a_class_beside_the_map_of_the_query():
    method, params, episode = case()
    mode = NormMode(training=False)

    def maps(images):
        return method.embedding(params, images, mode, last=4)

    assert maps(episode.query).shape[1:] == (32, SIZE // 4, SIZE // 4)
    of_class = maps(episode.support[episode.support_labels == 1]).mean(dim=0)
    pair = torch.cat([of_class, maps(episode.query)[5]]).unsqueeze(0)
    hidden = method.relation(params, pair, mode)
    for layer, last in (("fc1", False), ("fc2", True)):
        weight, bias = params[f"relation.{layer}.weight"], params[f"relation.{layer}.bias"]
        hidden = hidden @ weight.T + bias
        hidden = hidden if last else hidden.relu()
    found = method.predict(params, episode)[5, 1]
    torch.testing.assert_close(found, hidden.squeeze(), rtol=1e-9, atol=1e-9)
    turned = torch.cat([pair[:, 32:], pair[:, :32]], dim=1)  # class and query change places
    assert not torch.allclose(
        method.relation(params, turned, mode), method.relation(params, pair, mode)
    )


def test_more_copies_of_the_support_change_nothing():
    method, params, episode = case()
    twice = dataclasses.replace(
        episode,
        support=episode.support.repeat(2, 1, 1, 1),
        support_labels=episode.support_labels.repeat(2),
    )
    expected = method.predict(params, episode)
    torch.testing.assert_close(method.predict(params, twice), expected, rtol=1e-9, atol=1e-9)


def test_both_criteria_judge_the_same_scores():
    method, params, episode = case()
    other = build("relation-net", criterion="cross-entropy")
    squared, entropy = (m.episode_loss(params, episode) for m in (method, other))
    mode = NormMode(training=True)
    scores = method._scores(params, episode, mode)
    assert entropy.loss.item() == pytest.approx(F.cross_entropy(scores, episode.targets).item())
    true = torch.eye(4, dtype=F64)[episode.targets]
    assert squared.loss.item() == pytest.approx((scores.sigmoid() - true).square().mean().item())
    assert squared.statistics.keys() == {n for n in params if "running" in n}


def test_a_backbone_that_always_pools_is_refused(monkeypatch):
    stage = dataclasses.make_dataclass("Block", ["name"])("backbone.block1")

    def mine(image, *, bn, n_steps):
        del image, bn, n_steps
        return Backbone((stage,), feature_dim=4, pool=False)

    monkeypatch.setitem(BACKBONES._entries, "mine", Entry("mine", mine))
    with pytest.raises(ConfigError, match="can leave out pooling, which those of mine can't"):
        relation_net(Setup("mine", ImageShape(1, SIZE), 4))
