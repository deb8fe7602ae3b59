"""FEAT's contrastive term."""

import torch
import torch.nn.functional as F

from fewshot_bench.methods.classifiers.set_attention import SetAttention
from tests.methods.common import build, make_episode, make_params
from tests.methods.feature_cases import batch


def test_the_contrastive_term_is_that_of_each_class_adapted_as_a_set():
    items, labels, _, n_way = batch(1)
    items, labels = items[0], labels[0]
    part = SetAttention(balance=0.3)
    params = {k: v.double() for k, v in part.init(12, torch.Generator().manual_seed(0)).items()}
    adapted = (part.adapt(params, items[labels == c]) for c in range(n_way))
    centres = torch.stack([x.mean(dim=0) for x in adapted])
    expected = 0.3 * F.cross_entropy(-torch.cdist(items, centres).square() / 16, labels)
    torch.testing.assert_close(part.regulariser(params, items, labels, n_way), expected)
    assert SetAttention().regulariser(params, items, labels, n_way) is None


def test_training_adds_it_and_predictions_stay():
    plain, more = build("feat"), build("feat[contrastive]")
    params, episode = make_params(plain), make_episode()
    less, loss = (method.episode_loss(params, episode).loss for method in (plain, more))
    assert loss > less
    assert torch.equal(plain.predict(params, episode), more.predict(params, episode))
