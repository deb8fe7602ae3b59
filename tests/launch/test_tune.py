"""Tuning: one budget for all, on validation classes, resumable, and told in the result."""

import json

import pytest
import tomli_w

from fewshot_bench.config import validated
from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.predict import accuracy
from fewshot_bench.evaluation.result import read_result
from fewshot_bench.interface.observer import Quiet
from fewshot_bench.launch.space import Range, default_space, read_space
from fewshot_bench.launch.tune import TuneSpec, make_tunings, read_tuning
from fewshot_bench.training.run import prepare_run, train
from tests.cli.common import fails, fsbench
from tests.launch.common import SETTINGS
from tests.tiny import tiny_config

TRIALS = 4


def tuning_file(path, folder, **changes):
    settings = {name: table for name, table in SETTINGS.items() if name != "evaluate"}
    settings = {**settings, "backbone": "conv4-32", "task": {"n_way": 3, "n_query": 4}}
    table = {
        "methods": ["protonet", "simpleshot"],
        "benchmark": f"folder:{folder}",
        "device": "cpu",
        "episodes": 20,
        "budget": {"trials": TRIALS, "steps": 6},
        "settings": settings,
    }
    path.write_text(tomli_w.dumps({**table, **changes}))
    return path


@pytest.fixture(scope="module")
def tuned(tiny_folder, tmp_path_factory):
    pytest.importorskip("optuna")
    root = tmp_path_factory.mktemp("tuned")
    file = tuning_file(root / "a.toml", tiny_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FSBENCH_CACHE", str(root / "cache"))
        out, _ = fsbench("tune", file, "--jobs", 2, "--out", root / "out", "--json")
    return root, json.loads(out)


def test_every_method_gets_the_same_number_of_trials(tuned):
    _, methods = tuned
    assert [sum(method["states"].values()) for method in methods] == [TRIALS, TRIALS]
    # Trainings of 6 steps validate at the start, at steps 2, 4 and 6: but for pruned ones, four
    # times and once more at the end. Simpleshot's only stage is not compared.
    assert methods[1]["n_candidates"] == TRIALS
    complete = methods[0]["states"]["complete"]
    assert 5 * complete <= methods[0]["n_candidates"] <= 5 * TRIALS


def test_the_best_trial_is_what_its_settings_give_on_validation_classes(
    tuned, tiny_folder, monkeypatch
):
    root, methods = tuned
    monkeypatch.setenv("FSBENCH_CACHE", str(root / "other"))
    spec = read_tuning(root / "a.toml")
    for tuning, found in zip(make_tunings(spec, root / "empty"), methods, strict=True):
        [(name, rate)] = found["settings"].items()
        config = tuning.run.config
        if name == "train.lr":
            changed = {"train": config.train.model_copy(update={"lr": rate})}
        else:
            stage = config.stages["classify"].model_copy(update={"lr": rate})
            changed = {"stages": {"classify": stage}}
        run = prepare_run(config.model_copy(update=changed), "cpu")
        params = train(run, Quiet()).params
        loader = run.loader("val", run.test_task, 1)
        mean = float(accuracy(run.method, params, loader, 20).mean())
        assert mean == pytest.approx(found["accuracy"], abs=1e-9)
        assert config.train.seed == 1000


def test_again_repeats_nothing_and_finds_the_same(tuned, monkeypatch):
    root, methods = tuned
    monkeypatch.setenv("FSBENCH_CACHE", str(root / "nothing-here"))
    out, _ = fsbench("tune", root / "a.toml", "--out", root / "out", "--json")
    assert json.loads(out) == methods
    assert not (root / "nothing-here" / "runs").exists()


def test_more_trials_go_on_from_those_that_are_there(tuned, tiny_folder, monkeypatch):
    root, methods = tuned
    monkeypatch.setenv("FSBENCH_CACHE", str(root / "cache"))
    budget = {"trials": TRIALS + 1, "steps": 6}
    file = tuning_file(root / "more.toml", tiny_folder, budget=budget, methods=["simpleshot"])
    out, _ = fsbench("tune", file, "--out", root / "out", "--json")
    [more] = json.loads(out)
    assert sum(more["states"].values()) == TRIALS + 1
    assert more["accuracy"] >= methods[1]["accuracy"]
    file = tuning_file(root / "other.toml", tiny_folder, episodes=21)
    assert "holds trials of protonet with other settings" in fails(
        "tune", file, "--out", root / "out"
    )


def test_a_result_tells_the_budget_and_what_was_looked_at(tuned, tmp_path, monkeypatch):
    root, methods = tuned
    monkeypatch.setenv("FSBENCH_CACHE", str(root / "cache"))
    file = root / "out" / "protonet.toml"
    fsbench("evaluate", "--config", file, "--episodes", 20, "--out", tmp_path)
    document = read_result(tmp_path).document
    told, candidates = document.checkpoint.tuning, methods[0]["n_candidates"]
    assert (told.trials, told.steps, told.seconds) == (TRIALS, 6, None)
    assert (told.split, told.n_candidates) == ("val", candidates)
    assert document.checkpoint.selection.n_candidates == candidates + 4
    assert document.method.config.table()["train"]["lr"] == methods[0]["settings"]["train.lr"]
    assert "tuning" not in document.method.config.table()


def test_seconds_end_a_study(tiny_folder, tmp_path):
    pytest.importorskip("optuna")
    budget = {"trials": 50, "steps": 6, "seconds": 1e-6}
    file = tuning_file(tmp_path / "a.toml", tiny_folder, budget=budget, methods=["simpleshot"])
    out, _ = fsbench("tune", file, "--jobs", 1, "--out", tmp_path / "out", "--json", code=1)
    [method] = json.loads(out)
    assert method["states"] == {"pruned": 1}  # at its first validation; nothing begins after it
    assert (method["accuracy"], method["file"]) == (None, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": {"evaluate": {"split": "test"}}}, "evaluate.split has no place in a tuning"),
        ({"split": "test"}, "unknown setting 'split'"),
        ({"episode_seed": 0}, "episode_seed: Input should be greater than or equal to 1"),
        ({"settings": {"train": {"seed": 1}}}, "train.seed is said as seed of the file itself"),
        ({"space": {"evaluate.split": {"choices": ["test"]}}}, "evaluate.split"),
        ({"per_method": {"maml": {}}}, "settings of maml, which is not among methods"),
    ],
)
def test_test_classes_can_not_be_chosen(tiny_folder, tmp_path, changes, message):
    file = tuning_file(tmp_path / "a.toml", tiny_folder, **changes)
    assert message in fails("tune", file)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"low": 1.0}, "space: train.lr takes low and high"),
        ({"low": 2, "high": 1}, "low below high"),
        ({"low": 0, "high": 1, "log": True}, "with log = true low is above 0"),
        ({"choices": []}, "takes choices, or low and high"),
        ({"low": 1, "hihg": 2}, "unknown setting 'space.train.lr.hihg'; did you mean"),
    ],
)
def test_ranges_that_are_none_are_one_line(given, message):
    with pytest.raises(ConfigError) as caught:
        read_space({"train": {"lr": given}}, "space")
    assert message in str(caught.value)


def test_spaces_are_of_the_method_or_of_its_family(tiny_folder, tmp_path):
    run = prepare_run(tiny_config(tiny_folder, "maml"), "cpu")
    assert default_space(run) == {
        "train.lr": Range(low=1e-4, high=1e-2, log=True),
        "options.lr": Range(low=run.config.options["lr"] / 10, high=0.1, log=True),
    }
    run = prepare_run(tiny_config(tiny_folder, "simpleshot"), "cpu")
    assert list(default_space(run)) == ["stages.classify.lr"]
    assert read_space({"options.steps": {"low": 1, "high": 5}}, "")["options.steps"].whole
    assert validated(TuneSpec, {"methods": ["maml"], "benchmark": "glyphs"}).budget.trials == 20
