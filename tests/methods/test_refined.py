"""A refiner behind the inner loop."""

import dataclasses

import numpy as np
import pytest
import torch

from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.parts import Refiner
from fewshot_bench.methods.refined import Refined
from fewshot_bench.methods.refiners.means import PTMAP, SoftKMeans
from fewshot_bench.methods.refiners.propagation import LabelPropagation
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import unit
from tests.methods.common import build, make_episode, make_params

SMALL = {"head": "prototypes", "features": "flat", "relation": "prototypes"}


class Seen(Refiner):
    """Keeps what it is given."""

    def __call__(self, params, sets, logits):
        self.sets, self.logits = sets, logits
        return logits


@pytest.mark.parametrize("bn", ["batch", "joint", "running"])
def test_it_sees_the_features_and_the_logits_that_adaptation_leads_to(bn):
    method = build("npbml", **SMALL, bn=bn)
    params, episode, seen = make_params(method), make_episode(), Seen()
    expected = method.predict(params, episode)
    assert torch.equal(Refined(method, seen).predict(params, episode), expected)
    assert torch.equal(seen.logits, expected)
    # The features of a head without steps of its own lead to its logits again.
    task = method.task(params, episode, training=False)
    adapted = task.adapted(method.test_steps, 0)
    query = task.features(adapted, method.test_steps - 1)[1]
    again = method.head.logits(task.params | adapted, query)
    torch.testing.assert_close(again, expected)
    torch.testing.assert_close(seen.sets.query, unit(query))


def test_training_is_that_of_the_learner():
    plain, refined = build("npbml", **SMALL), build("npbml[refined]", **SMALL)
    params, episode = make_params(plain), make_episode()
    assert params.keys() == make_params(refined).keys()
    ours, theirs = (m.episode_loss(params, episode).loss for m in (refined, plain))
    assert torch.equal(ours, theirs)
    assert refined.traits == dataclasses.replace(plain.traits, setting="transductive")
    assert isinstance(refined.trunk().rest, Refined)


def test_what_is_told_of_counts_is_said_and_what_must_be_learned_is_refused():
    method = build("npbml", **SMALL)
    assert Refined(method, PTMAP()).traits.told_counts
    with pytest.raises(ConfigError, match="nothing to learn"):
        Refined(method, LabelPropagation(graph="gaussian", learned=True))


def anchored(support, labels, query, logits, n_way, scale, steps):
    """Anchored soft k-means as loops over classes, in numpy."""

    def softmax(x):
        e = np.exp(x - x.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    said = np.log(softmax(logits))
    share, means = np.exp(said), None
    for _ in range(steps + 1):
        means = np.stack(
            [
                (support[labels == k].sum(0) + share[:, k] @ query)
                / ((labels == k).sum() + share[:, k].sum())
                for k in range(n_way)
            ]
        )
        distance = ((query[:, None] - means[None]) ** 2).sum(2)
        share = softmax(said - scale * distance)
    return share


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_anchored_soft_k_means_agrees_with_a_plain_reading(steps):
    random = np.random.default_rng(steps)
    labels = np.array([0, 1, 1, 2, 0])
    support, query = random.normal(size=(5, 6)), random.normal(size=(9, 6))
    logits = random.normal(size=(9, 3))
    sets = Sets.of(*map(torch.tensor, (support, labels, query)), 3)
    refiner = SoftKMeans(scale=2.0, steps=steps, anchored=True)
    found = refiner({}, sets, torch.tensor(logits)).exp().numpy()
    np.testing.assert_allclose(found, anchored(support, labels, query, logits, 3, 2.0, steps))
