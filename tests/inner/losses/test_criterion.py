"""Losses by name as criteria of supervised training."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.criterion import supervised_loss
from fewshot_bench.inner.losses.loss_file import network_file, write_loss
from fewshot_bench.inner.losses.network import adalfl
from fewshot_bench.inner.losses.sparse_lsr import sparse_lsr
from fewshot_bench.registry import LOSSES
from tests.inner.losses.common import DOUBLE, random_logits

FIXED = [e.name for e in LOSSES if not e.load()().init(torch.Generator())]
LEARNED = [e.name for e in LOSSES if e.name not in FIXED]


def test_criteria_are_the_losses_of_their_names():
    logits, labels = random_logits()
    found = supervised_loss("cross_entropy")(logits, labels)
    torch.testing.assert_close(found, F.cross_entropy(logits, labels))
    found = supervised_loss("sparse_lsr", smoothing=0.3)(logits, labels)
    torch.testing.assert_close(found, sparse_lsr(logits, labels, 0.3))
    outputs, targets = torch.randn(2, 7, 2, dtype=DOUBLE)
    found = supervised_loss("squared_error", "regression")(outputs, targets)
    torch.testing.assert_close(found, F.mse_loss(outputs, targets))


@pytest.mark.parametrize("name", FIXED)
def test_every_fixed_loss_is_a_criterion(name):
    logits, labels = random_logits()
    [grad] = torch.autograd.grad(supervised_loss(name)(logits, labels), logits)
    assert grad.abs().max() > 0


@pytest.mark.parametrize("name", LEARNED)
def test_a_loss_that_is_not_learned_yet_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name} has to be learned first"):
        supervised_loss(name)


def test_a_file_is_a_criterion_with_its_weights(tmp_path):
    loss, path = adalfl(width=4), tmp_path / "loss.json"
    phi = loss.init(torch.Generator().manual_seed(0))
    write_loss(path, network_file("adalfl", "classification", phi))
    logits, labels = random_logits(dtype=torch.float32)
    expected = loss.of_logits(phi, logits, labels)
    torch.testing.assert_close(supervised_loss(str(path))(logits, labels), expected)
    with pytest.raises(ConfigError, match="no options"):
        supervised_loss(str(path), smoothing=0.1)
