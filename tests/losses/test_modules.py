"""Losses as modules: the arguments of torch's own, and every file and name of the catalogue."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench import losses
from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.loss_file import to_file
from fewshot_bench.inner.losses.network import ml3
from fewshot_bench.inner.losses.symbolic import SymbolicLoss
from fewshot_bench.inner.losses.taylor import CROSS_ENTROPY, taylor_loss
from tests.inner.losses.common import DOUBLE, grad_of

REDUCTIONS = ["none", "mean", "sum"]
# Cross-entropy by other names: what torch's own says is right for each.
AS_CROSS_ENTROPY = {
    "sparse": losses.SparseLSR(0.0),
    "focal": losses.FocalLoss(0.0),
    "smoothing": losses.LabelSmoothing(0.0),
    "tree": losses.Loss(SymbolicLoss(Expression.parse("mul(-1,mul(y,log(f(x))))"), (1.0,) * 5)),
}


def batch(shape=(6, 5), ignored=False):
    draws = torch.Generator().manual_seed(0)
    logits = torch.randn(shape, generator=draws, dtype=DOUBLE, requires_grad=True)
    places = shape[:1] + shape[2:] if len(shape) > 1 else ()
    target = torch.randint(shape[min(1, len(shape) - 1)], places, generator=draws)
    if ignored and target.ndim:
        target[0] = 7
    return logits, target, torch.rand(5, generator=draws, dtype=DOUBLE) + 0.5


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("shape", [(5,), (6, 5), (2, 5, 3)])
@pytest.mark.parametrize("name", AS_CROSS_ENTROPY)
def test_arguments_mean_what_they_mean_for_cross_entropy(name, shape, ignored, weighted, reduction):
    logits, target, weight = batch(shape, ignored)
    arguments = {
        "weight": weight if weighted else None,
        "ignore_index": 7,
        "reduction": reduction,
    }
    module = losses.Loss(AS_CROSS_ENTROPY[name].loss, **arguments)
    found, expected = module(logits, target), F.cross_entropy(logits, target, **arguments)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    slopes = (grad_of(value.sum(), logits) for value in (found, expected))
    torch.testing.assert_close(*slopes, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", AS_CROSS_ENTROPY)
def test_an_ignored_instance_may_hold_anything(name):
    logits, target, _ = batch()
    target[0] = -100
    spoiled = logits.detach().clone()
    spoiled[0] = torch.inf
    module = AS_CROSS_ENTROPY[name]
    if name == "smoothing":  # torch's own
        return
    torch.testing.assert_close(module(spoiled, target), module(logits[1:], target[1:]))


def test_modules_have_their_own_formulas():
    logits, target, _ = batch()
    p = logits.softmax(1)
    p_t = p.gather(1, target[:, None]).squeeze(1)
    focal = -((1 - p_t) ** 1.5 * p_t.log()).mean()
    torch.testing.assert_close(losses.FocalLoss(1.5)(logits, target), focal)
    smooth = F.cross_entropy(logits, target, label_smoothing=0.3)
    torch.testing.assert_close(losses.LabelSmoothing(0.3)(logits, target), smooth)
    sparse = -(0.92 * p_t.log() + 0.08 * ((1 - p_t) / 4).log()).mean()
    torch.testing.assert_close(losses.SparseLSR(0.1)(logits, target), sparse)
    coefficients = torch.tensor(CROSS_ENTROPY, dtype=DOUBLE)
    rows = taylor_loss(coefficients, p, F.one_hot(target, 5).to(DOUBLE))
    found = losses.TaylorLoss(CROSS_ENTROPY, reduction="none")(logits, target)
    torch.testing.assert_close(found, rows)


@pytest.mark.parametrize("inputs", ["probabilities", "logits"])
def test_a_file_is_a_module_for_its_task(inputs, tmp_path):
    network, path = ml3(width=3, inputs=inputs), tmp_path / "mine.json"
    phi = network.init(torch.Generator().manual_seed(0))
    to_file(path, network, phi, "classification")
    logits, target, _ = batch()
    found = losses.load(str(path))(logits.float(), target)
    torch.testing.assert_close(found, network.of_logits(phi, logits.float(), target))
    with pytest.raises(DataError, match="learned for classification, not regression"):
        losses.load(str(path), task="regression")
    to_file(path, network, phi, "regression")
    module = losses.load(str(path), reduction="none")
    assert module.task == "regression"
    x, y = torch.randn(2, 4, 1, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(module(x, y), network.of_outputs(phi, x, y))
    total = losses.load(str(path), reduction="sum")(x, y)
    torch.testing.assert_close(total, network.of_outputs(phi, x, y).sum())


def test_modules_move_and_are_shown():
    module = losses.SparseLSR(0.2, weight=torch.ones(5), reduction="sum")
    assert module.double().weight.dtype == DOUBLE
    assert "weight" in module.state_dict()
    assert repr(module) == "SparseLSR(smoothing=0.2, reduction='sum')"
    assert repr(losses.load("focal", gamma=1.0)) == "Loss(gamma=1.0, reduction='mean')"


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="ml3 has to be learned first"):
        losses.load("ml3")
    with pytest.raises(ConfigError, match="did you mean 'cross_entropy'"):
        losses.load("cross_entrop")
    with pytest.raises(ConfigError, match="LossNetwork has to be learned"):
        losses.Loss(ml3())
    with pytest.raises(ConfigError, match="does not fit regression"):
        losses.load("focal", task="regression")
    with pytest.raises(ConfigError, match="no weights of classes"):
        losses.load("squared_error", weight=torch.ones(3), task="regression")
    with pytest.raises(ConfigError, match=r"should have shape \(6,\)"):
        losses.load("squared_error")(batch()[0], torch.zeros(5, dtype=torch.int64))
