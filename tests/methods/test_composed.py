"""Methods put together from registered parts: what they are, and that parts can be swapped."""

import dataclasses

import pytest
import torch

from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.registry import METHODS
from tests.methods.common import build, make_episode, make_params

COMPOSED = [entry.name for entry in METHODS if "composed:" in str(entry.target)]


def test_there_are_some():
    assert {"simpleshot", "pt-map", "r2d2"} <= set(COMPOSED)


@pytest.mark.parametrize("name", COMPOSED)
def test_what_has_no_training_needs_a_pretrained_backbone(name):
    method = build(name)
    assert isinstance(method, EmbeddingLearner)
    assert method.traits.trains == (METHODS.entry(name).recipe != "pretrained")
    assert method.traits.stages == (() if method.traits.trains else ("classify",))


def test_equal_queries_taken_for_granted_are_said():
    assert build("pt-map").traits.told_counts
    assert not build("tim-adm").traits.told_counts


def test_simpleshot_is_nearest_class_mean_of_centred_features_of_length_one():
    method, episode = build("simpleshot"), make_episode()
    params = make_params(method)
    images = torch.cat([episode.support, episode.query])
    params |= method.finish(params, [images[:7], images[7:]])
    features = method.embed(params, images)
    centred = features - features.mean(dim=0)
    unit = centred / centred.norm(dim=1, keepdim=True)
    support, query = unit.tensor_split([len(episode.support)])
    labels = episode.support_labels
    means = torch.stack([support[labels == c].mean(dim=0) for c in range(episode.n_way)])
    hidden = dataclasses.replace(episode, query_labels=None)
    expected = -torch.cdist(query, means).square()
    torch.testing.assert_close(method.predict(params, hidden), expected, rtol=1e-6, atol=1e-8)


def test_a_part_is_swapped_by_an_option():
    plain, changed = build("simpleshot[un]"), build("simpleshot[un]", classifier="knn")
    params, episode = make_params(plain), make_episode()
    assert not torch.allclose(plain.predict(params, episode), changed.predict(params, episode))
    assert METHODS.entry("simpleshot").setting_of({"refiner": "paddle"}) == "transductive"
    with pytest.raises(ConfigError, match="unknown classifier 'nearest'"):
        build("simpleshot", classifier="nearest")
    with pytest.raises(ConfigError, match="no option 'sharpness'"):
        build("simpleshot", classifier_options={"sharpness": 3})
