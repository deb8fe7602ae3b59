"""Before training and measuring, what contradicts the contract stops with one line."""

import dataclasses

import pytest
import torch

from fewshot_bench.data.episodes import Task
from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.registry import METHODS
from fewshot_bench.testing import probe, probe_start, probe_training
from fewshot_bench.training.run import prepare_run
from tests.testing import methods as m
from tests.tiny import SIZE, tiny_config

BEFORE_NUMBERS = {
    m.Transposed: "method mine: predict must return logits of shape .*, it returned a tensor of",
    m.Labels: "torch.int64",
    m.ReadsPositions: "wherever it stands",
    m.ReadsSupportOrder: "wherever it stands",
    m.HashesTheNumber: "wherever it stands",
    m.CentresByQueries: "method mine: its traits say inductive, but .* with the other queries",
    m.Counts: "when it comes alone",
    m.PrefersAClass: "by its number",
    m.Remembers: "keep no state",
    m.TunesItself: "it changed weight",
    m.ChangesImages: "it changed episode.query",
    m.EmbedsTogether: "rest of the batch",
    m.EmbedsMaps: "embed must return features of shape",
}
BEFORE_TRAINING = {
    m.LossAlone: "method mine: episode_loss must return Objective.*, it returned a tensor",
    m.VectorLoss: "a scalar tensor as loss",
    m.NoGradient: "has a gradient",
    m.NoStatistics: "norm.running_mean got none",
    m.StrangeStatistics: "mean is none",
    m.ChangesInTraining: "it changed norm.running_mean",
}
AT_THE_START = {
    m.Double: "method mine: init must return .* float32",
    m.NoDict: "returned list",
    m.OtherTraits: "not sometimes",
}


@pytest.fixture
def run(tiny_folder):
    return prepare_run(tiny_config(tiny_folder, "maml"), "cpu")


def prepared(method):
    return method, method.init(torch.Generator().manual_seed(0))


def made(kind):
    return prepared(kind(features=3 * SIZE * SIZE))


@pytest.mark.parametrize("kind", BEFORE_NUMBERS)
def test_a_measurement_is_refused(run, kind):
    loader = run.loader("test", run.test_task, 0)
    with pytest.raises(ConfigError, match=BEFORE_NUMBERS[kind]):
        probe(*made(kind), loader, "mine")


@pytest.mark.parametrize("kind", BEFORE_TRAINING)
def test_a_training_is_refused(run, kind):
    with pytest.raises(ConfigError, match=BEFORE_TRAINING[kind]):
        probe_training(*made(kind), run.training_loader(), "mine")


@pytest.mark.parametrize("kind", AT_THE_START)
def test_a_start_is_refused(kind):
    with pytest.raises(ConfigError, match=AT_THE_START[kind]):
        probe_start(kind(), "mine")


@pytest.mark.parametrize("kind", [m.Good, m.GoodEmbedding, m.SaysTransductive])
@pytest.mark.parametrize("sampler", ["uniform", "disjoint", "dirichlet", "varied"])
def test_what_keeps_the_contract_goes_on(run, kind, sampler):
    options = {"min_way": 3, "max_way": 4} if sampler == "varied" else {}
    probe_start(kind(), "mine")
    probe(*made(kind), run.loader("test", run.test_task, 0, sampler, options), "mine")
    probe_training(*made(kind), run.training_loader(), "mine")


class Diverges(m.Good):
    """In an inner loop; evaluation lists such episodes and counts them as wrong."""

    def predict(self, params, episode):
        raise TrainingError("the inner loss is nan")

    def episode_loss(self, params, episode):
        raise TrainingError("the inner loss is nan")


def test_divergence_is_no_breach(run):
    probe(*made(Diverges), run.loader("test", run.test_task, 0), "mine")
    probe_training(*made(Diverges), run.training_loader(), "mine")


@dataclasses.dataclass(frozen=True)
class Counting(Delegating):
    """Counts the queries that it predicts."""

    queries: list = dataclasses.field(default_factory=list)

    def predict(self, params, episode):
        self.queries.append(len(episode.query))
        return self.method.predict(params, episode)


def test_it_costs_as_much_as_a_few_episodes(run):
    """1,000 episodes have 2 % in 20 episodes; what is predicted is less."""
    method = Counting(m.Good(features=3 * SIZE * SIZE))
    loader = run.loader("test", run.test_task, 0)
    probe(*prepared(method), loader, "mine")
    per_episode = len(loader.load(0, 1).query[0])
    assert 4 * per_episode < sum(method.queries) < 8 * per_episode


def test_few_images_are_embedded(run, monkeypatch):
    method, params = made(m.GoodEmbedding)
    counts, embed = [], method.embed
    monkeypatch.setattr(method, "embed", lambda p, x: counts.append(len(x)) or embed(p, x))
    probe(method, params, run.loader("test", Task(3, 2, 7), 0), "mine")
    assert counts == [3 * 2 + 16, 3]


@pytest.mark.parametrize("name", [entry.name for entry in METHODS])
def test_nothing_registered_is_refused(tiny_folder, name):
    run = prepare_run(tiny_config(tiny_folder, name), "cpu")
    method, params = prepared(run.method)
    probe_start(method, name)
    probe(method, params, run.loader("test", run.test_task, 0), name)
    probe_training(method, params, run.training_loader(), name)
