"""A new learned loss is one class with its stored form, and one entry: nothing else knows it."""

from typing import Literal

import pytest
import torch
from pydantic import FiniteFloat

from fewshot_bench.inner.losses.criterion import supervised_loss
from fewshot_bench.inner.losses.loss_file import from_file, read_loss, to_file
from fewshot_bench.inner.losses.stored import StoredLoss
from fewshot_bench.inner.protocols import InnerLoss
from fewshot_bench.losses import load
from fewshot_bench.registry import LOSS_KINDS, Entry
from tests.cli.common import fsbench
from tests.inner.losses.common import random_logits


class Power(InnerLoss):
    """(y - p)^n summed over the outputs, n learned unless it is given."""

    def __init__(self, power=None):
        self.power = power

    def init(self, generator):
        return {} if self.power is not None else {"loss.power": torch.tensor(2.0)}

    def __call__(self, phi, view):
        target = torch.nn.functional.one_hot(view.support_labels, view.support_logits.shape[1])
        return self.of_outputs(phi, view.support_logits.softmax(1), target).mean()

    def of_outputs(self, phi, prediction, target):
        power = phi["loss.power"] if self.power is None else self.power
        return (target - prediction).abs().pow(power).sum(1)


class PowerFile(StoredLoss):
    kind: Literal["power"] = "power"
    power: FiniteFloat

    @classmethod
    def of(cls, loss, phi, task, facts):
        if not isinstance(loss, Power):
            return None
        power = phi["loss.power"].item() if loss.power is None else loss.power
        return cls(task=task, power=power, **facts)

    def structure(self):
        return Power()

    def phi(self):
        return {"loss.power": torch.tensor(self.power)}

    def loss(self):
        return Power(self.power)

    def formula(self):
        return f"|y - f|^{self.power:g}"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setitem(LOSS_KINDS._entries, "power", Entry("power", PowerFile))
    path = tmp_path / "power.json"
    to_file(path, Power(), {"loss.power": torch.tensor(3.0)}, "classification")
    return path


def test_it_is_stored_read_and_learned_on(file):
    logits, labels = random_logits(dtype=torch.float64)
    target = torch.nn.functional.one_hot(labels, logits.shape[1])
    expected = (target - logits.softmax(1)).abs().pow(3).sum(1).mean()
    torch.testing.assert_close(supervised_loss(str(file))(logits, labels), expected)
    torch.testing.assert_close(load(file)(logits, labels), expected)
    assert from_file(file).power == 3
    assert read_loss(file).structure().power is None


def test_it_is_shown_and_drawn_and_compared(file, tmp_path):
    out, _ = fsbench("loss", "show", file, "--plot", tmp_path / "power.svg")
    assert "power loss for classification: |y - f|^3" in out
    out, _ = fsbench("loss", "analyse", "--losses", file, "--n-classes", 2)
    # 2 classes, p = 1/2: the slope of both terms is 3 p^2, and the push p (1 - p) 2 (3 / 4).
    assert out.splitlines()[1].split()[1] == "+0.375"
    command = ("loss", "compare", "--data", "wine", "--model", "linear", "--steps", 2)
    out, _ = fsbench(*command, "--losses", f"cross_entropy,{file}", "--seeds", 0)
    assert str(file) in out
