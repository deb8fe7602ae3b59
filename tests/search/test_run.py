"""A whole search: the same result with any number of processes and after any interruption."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from fewshot_bench.cli.loss_train import SEEDS
from fewshot_bench.errors import ConfigError, DataError, TrainingError
from fewshot_bench.inner.losses.loss_file import read_loss, write_loss
from fewshot_bench.search import run, spec
from fewshot_bench.search import state as state_module
from fewshot_bench.search.run import search
from fewshot_bench.search.spec import Outcome
from fewshot_bench.search.state import found_loss, load_state
from tests.search.common import make_spec

GENERATIONS = 4

LARGEST = 2  # candidates in a stack, so that a generation has several


@pytest.fixture(scope="module", autouse=True)
def _small_stacks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec, "LARGEST_STACK", LARGEST)
        yield


def result(state):
    """All that a search found, without times."""
    reports = [dataclasses.replace(report, seconds=0) for report in state.reports]
    return state.generations, state.archive.to_json(), reports


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return search(make_spec(), GENERATIONS, tmp_path_factory.mktemp("whole") / "s.json")


def test_a_search_finds_something(whole):
    loss, outcome = whole.archive.best()
    assert outcome.verdict == "kept"
    assert outcome.fitness == min(o.fitness for o in whole.archive.outcomes.values()) < 0.6
    assert [report.best for report in whole.reports] == sorted(
        (report.best for report in whole.reports), reverse=True
    )
    assert whole.reports[-1].loss == loss


def test_every_candidate_is_tried_once(whole, tmp_path, monkeypatch):
    tried, stacks = [], []

    def assess(spec, candidates, mapped):
        def observed(stage, items):
            stacks.extend(map(len, items))
            return mapped(stage, items)

        tried.extend(candidates)
        return real(spec, candidates, observed)

    real = run.assess
    monkeypatch.setattr(run, "assess", assess)
    again = search(make_spec(), GENERATIONS, tmp_path / "s.json")
    assert len(tried) == len(set(tried)) == len(whole.archive.outcomes)
    assert max(stacks) == LARGEST < len(tried) / GENERATIONS
    counts = whole.counts
    assert counts["new"] == len(tried)
    assert counts["new"] + counts["archived"] == GENERATIONS * 6
    verdicts = [o.verdict for o in whole.archive.outcomes.values()]
    assert "rejected" in verdicts  # rejected ones are remembered, too
    assert all(counts[verdict] == verdicts.count(verdict) for verdict in set(verdicts))
    assert result(again) == result(whole)


@pytest.mark.parametrize("jobs", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_the_number_of_processes_does_not_matter(jobs, whole, tmp_path, monkeypatch):
    assert result(search(make_spec(), GENERATIONS, tmp_path / "s.json", jobs)) == result(whole)


def test_an_interrupted_search_finds_the_same(whole, tmp_path):
    path, seen = tmp_path / "s.json", []
    search(make_spec(), 2, path)
    resumed = search(make_spec(), GENERATIONS, path, observer=seen.append)
    assert [report.generation for report in seen] == [2, 3]
    assert result(resumed) == result(whole)
    assert search(make_spec(), GENERATIONS, path, observer=seen.append).reports == resumed.reports
    assert len(seen) == 2


def test_a_killed_search_finds_the_same(whole, tmp_path):
    path = tmp_path / "s.json"
    code = (
        "import sys; from pathlib import Path; from tests.search.common import make_spec;"
        f"from fewshot_bench.search import spec; spec.LARGEST_STACK = {LARGEST};"
        "from fewshot_bench.search.run import search; search(make_spec(), 500, Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], env={**os.environ})
    deadline = time.monotonic() + 100
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    n_done = len(load_state(path, make_spec()).generations)
    assert n_done >= 1
    resumed = search(make_spec(), max(GENERATIONS, n_done), path)
    assert resumed.generations[:GENERATIONS] == whole.generations
    for text, outcome in whole.archive.outcomes.items():
        assert resumed.archive.outcomes[text] == outcome


def test_other_methods_and_merging(tmp_path):
    for number, changes in enumerate(
        [{"method": "taylorglo"}, {"method": "gp"}, {"merge": "normalised", "population": 12}]
    ):
        path = tmp_path / f"{number}.json"
        state = search(make_spec(**changes), 2, path)
        assert result(load_state(path, make_spec(**changes))) == result(state)
        write_loss(tmp_path / "loss.json", found_loss(make_spec(**changes), state))
        file = read_loss(tmp_path / "loss.json")
        assert file.fitness == state.archive.best()[1].fitness
        assert file.provenance["counts"]["new"] == state.counts["new"]
        weights = file.weights if file.kind == "symbolic" else []
        assert (set(weights) == {1.0}) == (changes.get("method") == "gp")
        assert (state.counts["same gradients"] > 0) == ("merge" in changes)


def test_other_settings_and_damaged_files_are_refused(tmp_path):
    path = tmp_path / "s.json"
    search(make_spec(), 1, path)
    with pytest.raises(ConfigError, match="other settings"):
        search(make_spec(seed=1), 1, path)
    table = json.loads(path.read_text())
    for damaged in ({}, [], {**table, "archive": {}}, {**table, "reports": [1]}):
        path.write_text(json.dumps(damaged))
        with pytest.raises(DataError, match="damaged"):
            search(make_spec(), 1, path)


def test_nothing_found_is_said_and_the_search_goes_on(tmp_path, monkeypatch):
    path = tmp_path / "s.json"
    with monkeypatch.context() as patch:
        patch.setattr(run, "assess", lambda _, new, mapped: [Outcome("rejected")] * len(new))
        state = search(make_spec(), 1, path)
    assert state.reports[0].best is None
    with pytest.raises(TrainingError, match="no loss was found"):
        found_loss(make_spec(), load_state(path, make_spec()))
    assert search(make_spec(), 3, path).reports[-1].best < 1


def test_a_search_does_not_go_on_with_other_data(tmp_path, monkeypatch):
    path = tmp_path / "s.json"
    found = found_loss(make_spec(), search(make_spec(), 1, path))
    problem = spec.open_problem(make_spec())
    assert found.provenance["fingerprint"] == problem.data.fingerprint
    other = dataclasses.replace(problem.data, fingerprint="other")
    monkeypatch.setattr(state_module, "open_problem", lambda _: spec.Problem(other, problem.model))
    with pytest.raises(ConfigError, match="or other data"):
        search(make_spec(), 2, path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"population": 3}, "at least 4"),
        ({"method": "EvoMAL"}, "method must be one of evomal, gp, taylorglo, not 'EvoMAL'"),
        ({"elitism": "papers"}, "elitism must be one of paper, code"),
        ({"merge": "on"}, "merge must be one of off, raw, normalised"),
        ({"reject": "never"}, "reject must be one of after, before"),
        ({"seed": 1 << 32}, r"below 2\*\*32"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        make_spec(**changes)


def test_comparisons_do_not_reach_the_seeds_of_searches():
    assert make_spec(seed=0).training_seed == SEEDS
