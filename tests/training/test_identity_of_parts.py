"""Which parts belong to the identity of what is trained: those whose setting is of such a type."""

import json

from fewshot_bench.config import ClassifyConfig, LossName, RunConfig
from fewshot_bench.files import sha256
from fewshot_bench.methods.build import resolve_options
from fewshot_bench.registry import LOSSES, METHODS, Entry
from fewshot_bench.training.identity import loss_hashes, parts_identity, setting_types

LOSS = {
    "schema": 1,
    "kind": "symbolic",
    "task": "classification",
    "expression": "square(sub(y,f(x)))",
    "weights": [1.0, 1.0, 1.0],
}


def run(method="maml", stages=None, **options):
    return RunConfig(method=method, options=resolve_options(method, options), stages=stages or {})


def test_a_loss_from_elsewhere_belongs_to_the_training(monkeypatch, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(LOSS))
    digest = sha256(path.read_bytes())
    monkeypatch.setitem(LOSSES._entries, "mine", Entry("mine", json.dumps))
    code = Entry("mine", json.dumps).code_sha256()
    assert loss_hashes(run()) == []
    assert loss_hashes(run(loss="mine")) == [code]
    assert loss_hashes(run(loss=str(path))) == [digest]
    stages = {"classify": {"steps": 3, "loss": str(path)}}
    assert loss_hashes(run(stages=stages)) == [digest]
    assert loss_hashes(run(stages=stages, loss="mine")) == [digest, code]
    assert loss_hashes(run(stages={"classify": {"loss": str(path)}})) == []  # of no steps
    assert loss_hashes(run(loss=str(tmp_path / "none.json"))) == []


def test_other_text_is_no_loss(monkeypatch, tmp_path):
    """Neither a path to something else nor a word that happens to be a loss's name."""
    path = tmp_path / "classes.json"
    path.write_text("{}")

    def mine(setup, words: str = str(path), focus: str = "mine", loss: LossName = "focal"): ...

    monkeypatch.setitem(METHODS._entries, "mine", Entry("mine", mine))
    monkeypatch.setitem(LOSSES._entries, "mine", Entry("mine", json.dumps))
    assert loss_hashes(run("mine")) == []
    assert loss_hashes(run("mine", loss=str(path))) == [sha256(path.read_bytes())]


def test_stages_name_their_losses(tmp_path):
    settings = ClassifyConfig(loss="sparse_lsr", augment="none")
    found = parts_identity(settings.decisive(), setting_types(settings))
    assert found == [f"version {LOSSES.entry('sparse_lsr').version}"]
