"""Loss files: what was written is read, and a stranger's file can do no harm."""

import json

import pytest
import torch

from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.fixed import Focal
from fewshot_bench.inner.losses.library import loss_from
from fewshot_bench.inner.losses.loss_file import (
    MAX_BYTES,
    SymbolicFile,
    TaylorFile,
    from_file,
    network_file,
    read_loss,
    stored,
    to_file,
    write_loss,
)
from fewshot_bench.inner.losses.network import LossNetwork, adalfl, ml3
from fewshot_bench.inner.losses.symbolic import SymbolicLoss
from fewshot_bench.inner.losses.taylor import TaylorGLO
from fewshot_bench.inner.protocols import TaskView
from tests.inner.losses.common import random_logits

GOOD = {
    "schema": 1,
    "kind": "symbolic",
    "task": "classification",
    "expression": "mul(-1,mul(y,log(f(x))))",
    "weights": [1.0, 1.25, 0.5, 1, 1.0],
}
NETWORK = {"schema": 1, "kind": "network", "task": "classification", "network": "ml3", "width": 2}


def written(tmp_path, content):
    path = tmp_path / "loss.json"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text)
    return path


def value(loss, phi=None):
    logits, labels = random_logits(dtype=torch.float32)
    return loss(phi or {}, TaskView(logits, labels, {}, 0))


def test_symbolic_round_trip(tmp_path):
    file = SymbolicFile(
        task="regression",
        expression=GOOD["expression"],
        weights=[0.1 + i / 3 for i in range(5)],
        fitness=0.25,
        provenance={"data": "digits", "seed": 0},
    )
    write_loss(tmp_path / "a.json", file)
    assert read_loss(tmp_path / "a.json") == file
    loss = loss_from(str(tmp_path / "a.json"))
    assert loss == SymbolicLoss(file.loss().expression, tuple(file.weights))
    assert loss.init(torch.Generator()) == {}


def test_taylor_round_trip(tmp_path):
    file = TaylorFile(task="classification", coefficients=[0.1 * i for i in range(8)])
    write_loss(tmp_path / "a.json", file)
    loss = loss_from(str(tmp_path / "a.json"))
    assert torch.equal(value(loss), value(TaylorGLO(file.coefficients)))


@pytest.mark.parametrize("network", [ml3, adalfl])
def test_network_round_trip(network, tmp_path):
    phi = network().init(torch.Generator().manual_seed(0))
    write_loss(tmp_path / "a.json", network_file(network.__name__, "classification", phi))
    loss = loss_from(str(tmp_path / "a.json"))
    assert torch.equal(value(loss), value(network(), phi))
    prediction, target = torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(0))
    found = loss.of_outputs({}, prediction, target)
    assert torch.equal(found, network().of_outputs(phi, prediction, target))


FIXED = {
    "symbolic": SymbolicLoss(Expression.parse(GOOD["expression"]), tuple(GOOD["weights"])),
    "taylor": TaylorGLO([0.1 * i for i in range(8)]),
}
LEARNED = {
    "symbolic to learn": SymbolicLoss(Expression.parse(GOOD["expression"])),
    "taylor to learn": TaylorGLO(),
    "ml3": ml3(width=3),
    "adalfl": adalfl(width=3, leak=0.1),
    "free": adalfl(width=3, scale="free"),
}


@pytest.mark.parametrize("loss", [*FIXED.values(), *LEARNED.values()], ids=[*FIXED, *LEARNED])
def test_every_learned_loss_is_what_its_file_holds(loss, tmp_path):
    path = tmp_path / "a.json"
    phi = {name: v + 0.1 for name, v in loss.init(torch.Generator().manual_seed(0)).items()}
    to_file(path, loss, phi, "classification", provenance={"seed": 0})
    assert torch.equal(value(from_file(path)), value(loss, phi))
    file = read_loss(path)
    assert file.provenance == {"seed": 0}
    assert "\n" not in file.formula()
    if phi:
        assert file.structure() == loss or isinstance(loss, TaylorGLO)
        assert all(torch.equal(v, phi[name]) for name, v in file.phi().items())
    again = stored(from_file(path), {}, "classification", provenance={"seed": 0})
    assert again.model_dump() == file.model_dump()


def test_what_no_file_can_hold():
    with pytest.raises(ConfigError, match="no kind of loss file can hold a Focal"):
        stored(Focal(), {}, "classification")
    network = LossNetwork((3, 2), torch.relu)
    phi = network.init(torch.Generator().manual_seed(0))
    with pytest.raises(ConfigError, match="can hold a LossNetwork"):
        stored(network, phi, "classification")


BAD = {
    "empty": ("", "can't be read"),
    "not JSON": ("{'schema': 1}", "can't be read"),
    "not an object": ([1, 2], "valid dictionary"),
    "deep": ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
    "deep in a field": ('{"provenance": ' + '{"a":' * 100_000, "nested too deeply"),
    "enormous": ("x" * (MAX_BYTES + 1), "larger than 1,000,000 bytes"),
    "no kind": ({**GOOD, "kind": None}, "kind"),
    "unknown kind": ({**GOOD, "kind": "pickle"}, "'symbolic', 'taylor', 'network'"),
    "unknown field": ({**GOOD, "code": "import os"}, "code: Extra inputs"),
    "newer": ({**GOOD, "schema": 2}, "schema: Input should be 1"),
    "unknown operator": ({**GOOD, "expression": "exec(y)"}, "unknown operator 'exec'"),
    "wrong arity": ({**GOOD, "expression": "add(y)"}, "lacks 1 argument"),
    "a reference": ({**GOOD, "expression": {"$ref": "#/expression"}}, "expression: .* string"),
    "a self-reference": ({**GOOD, "expression": "abs(expression)"}, "unknown operator"),
    "too high": ({**GOOD, "expression": "abs(" * 99 + "y" + ")" * 99}, "levels high"),
    "a constant": ({**GOOD, "expression": "log(y)"}, r"must look at the prediction, f\(x\)"),
    "a flat activation": (
        {**NETWORK, "network": "adalfl", "leak": 1.0, "layers": []},
        r"a leak in \[0, 1\) and a positive sharpness, not 1 and 10",
    ),
    "a key of two lines": ({**GOOD, "a\nb\x1b[31m": 1}, r": a b \[31m: Extra"),
    "a kind of two lines": ({**GOOD, "kind": "a\nb"}, "'a b'"),
    "too few weights": ({**GOOD, "weights": [1.0]}, "5 edges needs as many weights, got 1"),
    "nan": (json.dumps(GOOD).replace("0.5", "NaN"), "a number is not finite"),
    "infinite": (json.dumps(GOOD).replace("0.5", "1e999"), "a number is not finite"),
    "huge integer": (json.dumps(GOOD).replace("0.5", "9" * 400), "loss file"),
    "integer of too many digits": (json.dumps(GOOD).replace("0.5", "9" * 9999), "can't be read"),
    "text for a number": ({**GOOD, "weights": ["1.0"] * 5}, "weights.0: .* number"),
    "truth for a number": ({**GOOD, "weights": [True] * 5}, "weights.0: .* number"),
    "few coefficients": (
        {"schema": 1, "kind": "taylor", "task": "regression", "coefficients": [1.0]},
        "at least 8 items",
    ),
    "a ragged layer": ({**NETWORK, "layers": [[[1.0, 1.0], [1.0]]] * 3}, "must have shapes"),
    "no layers": ({**NETWORK, "layers": []}, r"must have shapes \(2, 2\), \(2, 2\), \(1, 2\)"),
    "a wide network": ({**NETWORK, "width": 10**9, "layers": []}, "width: .* 200"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_line(content, message, tmp_path):
    with pytest.raises(DataError, match=message) as caught:
        read_loss(written(tmp_path, content))
    text = str(caught.value)
    assert "\n" not in text
    assert len(text.replace(str(tmp_path), "")) < 400
    assert caught.value.exit_code == 2


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match=r"loss file .*x\.json does not exist"):
        loss_from(str(tmp_path / "x.json"))
    (tmp_path / "y.json").mkdir()
    with pytest.raises(DataError, match="can't be read"):
        loss_from(str(tmp_path / "y.json"))
    (tmp_path / "z.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="can't be read"):
        loss_from(str(tmp_path / "z.json"))


def test_names_and_their_options():
    assert loss_from("label_smoothing", smoothing=0.3).smoothing == 0.3
    with pytest.raises(ConfigError, match="did you mean 'cross_entropy'"):
        loss_from("cross_entrop")
    with pytest.raises(ConfigError, match="no option 'gamma'; it has: smoothing"):
        loss_from("label_smoothing", gamma=1)
    with pytest.raises(ConfigError, match="a loss file has no options, got gamma"):
        loss_from("a.json", gamma=1)


def test_a_symbolic_loss_is_shown_for_either_target():
    pytest.importorskip("sympy")
    content = {"expression": "square(sub(y,f(x)))", "weights": [1.0, 2.0, 0.5]}
    shown = SymbolicFile(task="classification", **content).details().splitlines()
    assert shown == [
        "tree: square(sub(y,f(x)))",
        "for y = 1: (2 - 0.5*f)**2",
        "for y = 0: 0.25*f**2",
    ]
    assert len(SymbolicFile(task="regression", **content).details().splitlines()) == 1
