"""Predictions: embedding once equals embedding per episode; scores equal plain arithmetic."""

import dataclasses

import numpy as np
import pytest
import torch

from fewshot_bench.data.episodes import rectangular_ids
from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.evaluation.evaluate import StopRule, evaluate
from fewshot_bench.evaluation.features import block_size
from fewshot_bench.evaluation.predict import accuracy, predict, score
from fewshot_bench.methods.base import EmbeddingMethod, Traits
from fewshot_bench.methods.delegating import Delegating
from fewshot_bench.training.run import prepare_run
from tests.tiny import tiny_config


def make_run(tiny_folder, method):
    run = prepare_run(tiny_config(tiny_folder, method), "cpu")
    return run, run.method.init(torch.Generator().manual_seed(0))


class PerEpisode(Delegating):
    """A method without its embedding shortcut."""


def test_embedding_once_predicts_the_same(tiny_folder):
    run, params = make_run(tiny_folder, "protonet")
    loader = run.loader("test", run.test_task, 0)
    fast, slow = (evaluate(m, params, loader, 40) for m in (run.method, PerEpisode(run.method)))
    np.testing.assert_array_equal(fast.columns["pred"], slow.columns["pred"])
    np.testing.assert_allclose(fast.columns["nll"], slow.columns["nll"], rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 28, 28), 32), ((3, 32, 32), 32), ((3, 84, 84), 4), ((640,), 256)]
)
def test_larger_images_are_embedded_in_smaller_blocks(shape, size):
    assert block_size(shape, torch.device("cpu")) == size


def test_blocks_of_few_episodes_are_classified_as_blocks_of_many(tiny_folder, monkeypatch):
    run, params = make_run(tiny_folder, "protonet")
    loader = run.loader("test", run.test_task, 0)
    whole = evaluate(run.method, params, loader, 20).columns
    monkeypatch.setattr("fewshot_bench.evaluation.predict.GATHERED_BYTES", 10_000)
    parts = evaluate(run.method, params, loader, 20).columns
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values)


@pytest.mark.parametrize("method", ["protonet", "maml"])
def test_episodes_do_not_depend_on_how_many_are_asked(tiny_folder, method):
    run, params = make_run(tiny_folder, method)
    loader = run.loader("test", run.test_task, 0)
    many = evaluate(run.method, params, loader, 25).columns
    few = evaluate(run.method, params, loader, 7).columns
    for name in few:
        np.testing.assert_array_equal(few[name], many[name][:7])


def test_scores_follow_from_the_logits(tiny_folder):
    run, params = make_run(tiny_folder, "protonet")
    loader = run.loader("test", run.test_task, 0)
    [part] = predict(run.method, params, loader, 0, 10)
    for row, episode in enumerate(loader.load(0, 10)):
        p = torch.softmax(run.method.predict(params, episode).double(), dim=1).numpy()
        labels = episode.query_labels.numpy()
        assert part.n_correct[row] == (p.argmax(axis=1) == labels).sum()
        assert part.ids.query_labels[row].tolist() == [0] * 4 + [1] * 4 + [2] * 4
        order = loader.load(row, 1).query_order[0]
        np.testing.assert_array_equal(part.pred[row][order], p.argmax(axis=1))
        truth = np.eye(3)[labels]
        assert part.nll[row] == pytest.approx(-np.log((p * truth).sum(axis=1)).mean(), rel=1e-4)
        brier = ((p - truth) ** 2).sum(axis=1).mean()
        assert part.brier[row] == pytest.approx(brier, rel=1e-4)
    expected = part.n_correct / 12
    np.testing.assert_array_equal(accuracy(run.method, params, loader, 10), expected)


class Broken:
    """Gives no finite logits in one episode and diverges in another."""

    setting = "inductive"
    seen = -1

    def predict(self, params, episode):
        self.seen += 1
        if self.seen == 2:
            raise TrainingError("the inner loss is nan in inner step 0")
        bad = torch.nan if self.seen == 4 else 1.0
        return torch.full((len(episode.query), episode.n_way), bad)


def test_failures_count_as_wrong_and_are_listed(tiny_folder):
    run, _ = make_run(tiny_folder, "maml")
    outcome = evaluate(Broken(), {}, run.loader("test", run.test_task, 0), 6)
    assert outcome.failures == [2, 4]
    assert outcome.columns["n_correct"].tolist() == [4, 4, 0, 4, 0, 4]
    assert np.isfinite(outcome.columns["nll"]).all()


def test_methods_never_see_query_labels(tiny_folder):
    run, params = make_run(tiny_folder, "maml")

    class Spy:
        setting = "inductive"

        def predict(self, params, episode):
            assert episode.query_labels is None
            assert episode.number == 0
            return run.method.predict(params, dataclasses.replace(episode))

    evaluate(Spy(), params, run.loader("test", run.test_task, 0), 3)


def test_logits_of_another_shape_are_refused(tiny_folder):
    class Transposed:
        setting = "inductive"

        def predict(self, params, episode):
            return torch.zeros(episode.n_way, len(episode.query))

    run, _ = make_run(tiny_folder, "maml")
    with pytest.raises(ConfigError, match=r"logits of shape \(3, 12\)"):
        evaluate(Transposed(), {}, run.loader("test", run.test_task, 0), 1)


class Cheat:
    """Answers from what it should not be able to use; only what it guesses is right or wrong."""

    setting = "inductive"

    def predict(self, params, episode):
        labels = self.guess(episode)
        return torch.nn.functional.one_hot(labels % episode.n_way, episode.n_way).float()


class ReadsPositions(Cheat):
    """Takes queries to come class by class."""

    def guess(self, episode):
        return torch.arange(len(episode.query)) * episode.n_way // len(episode.query)


class ReadsPositionsOfSupport(Cheat):
    """Takes queries to come in the order of the support set."""

    def guess(self, episode):
        return episode.support_labels.repeat_interleave(len(episode.query) // episode.n_way)


class HashesTheNumber(Cheat):
    """Knows the order of the queries of every episode by its number."""

    def __init__(self, loader):
        self.loader = loader

    def guess(self, episode):
        return self.loader.load(episode.number, 1).query_labels[0]


@pytest.mark.parametrize("cheat", [ReadsPositions, ReadsPositionsOfSupport, HashesTheNumber])
def test_what_is_read_from_positions_and_numbers_is_worth_nothing(tiny_folder, cheat):
    run, _ = make_run(tiny_folder, "maml")
    loader = run.loader("test", run.test_task, 0)
    method = cheat(loader) if cheat is HashesTheNumber else cheat()
    columns = evaluate(method, {}, loader, 300).columns
    correct = columns["n_correct"][1:] / 12  # the number 0 is right for the first episode
    assert correct.mean() == pytest.approx(1 / 3, abs=5 * 0.14 / np.sqrt(300))


def test_an_embedding_method_can_not_read_positions_either(tiny_folder):
    class Positions(EmbeddingMethod):
        traits = Traits("inductive")

        def embed(self, params, images):
            return images.flatten(1)[:, :1]

        def classify(self, params, support, support_labels, query, n_way):
            labels = torch.arange(query.shape[-2]) * n_way // query.shape[-2]
            logits = torch.nn.functional.one_hot(labels, n_way).float()
            return logits.expand(*query.shape[:-2], *logits.shape)

        init = episode_loss = None

    run, _ = make_run(tiny_folder, "maml")
    shares = accuracy(Positions(), {}, run.loader("test", run.test_task, 0), 300)
    assert shares.mean() == pytest.approx(1 / 3, abs=5 * 0.14 / np.sqrt(300))


def test_scores_of_rectangular_episodes_are_those_of_version_1():
    """Bit for bit what the code gave that took queries to stand in a (way, query) rectangle."""
    rows, n_way, n_query = 40, 5, 15
    logits = 3 * torch.randn(
        rows, n_way * n_query, n_way, generator=torch.Generator().manual_seed(1)
    )
    logits[7, 3, 2] = torch.nan
    images = np.zeros((rows, n_way, 1 + n_query), dtype=np.int64)
    ids = rectangular_ids(np.arange(rows, dtype=np.uint32), images[..., 0], images, n_shot=1)
    part = score(ids, logits)
    scores = logits.double().view(rows, n_way, n_query, n_way)
    scores[7] = 0
    labels = torch.arange(n_way).view(1, n_way, 1)
    log_p = torch.log_softmax(scores, dim=3)
    truth = torch.nn.functional.one_hot(labels.expand(rows, n_way, n_query), n_way)
    pred = scores.argmax(dim=3)
    pred[7] = (labels[0] + 1) % n_way
    nll = -(log_p * truth).sum(dim=3).mean(dim=(1, 2))
    brier = (log_p.exp() - truth).square().sum(dim=3).mean(dim=(1, 2))
    np.testing.assert_array_equal(part.pred.reshape(rows, n_way, n_query), pred)
    np.testing.assert_array_equal(part.n_correct, (pred == labels).sum(dim=(1, 2)))
    np.testing.assert_array_equal(part.nll, nll)
    np.testing.assert_array_equal(part.brier, brier)
    assert part.failed.nonzero()[0].tolist() == [7]


@pytest.mark.parametrize("name", ["dirichlet", "varied"])
@pytest.mark.parametrize("method", ["protonet", "maml"])
def test_unequal_episodes_are_scored_by_their_own_labels(tiny_folder, method, name):
    run, params = make_run(tiny_folder, method)
    options = {"min_way": 3, "max_way": 3} if name == "varied" else {}
    loader = run.loader("test", run.test_task, 0, name, options)
    columns = evaluate(run.method, params, loader, 6).columns
    ends = np.cumsum(columns["n_query"].astype(int)).tolist()
    for t in range(6):
        rows = slice(0 if t == 0 else ends[t - 1], ends[t])
        [episode] = loader.load(t, 1)
        order = loader.load(t, 1).query_order[0]
        logits = run.method.predict(params, episode).detach()
        np.testing.assert_array_equal(columns["pred"][rows][order], logits.argmax(dim=1))
        labels = columns["query_labels"][rows]
        np.testing.assert_array_equal(labels[order], episode.query_labels)
        assert columns["n_correct"][t] == (columns["pred"][rows] == labels).sum()
    assert len(set(columns["episode_hash"].tolist())) == 6
    assert columns["n_support"].sum() == len(columns["support_ids"])
    assert columns["n_way"].tolist() == [3] * 6


def test_a_list_that_stops_early_keeps_the_columns_of_its_episodes(tiny_folder):
    run, params = make_run(tiny_folder, "protonet")
    loader = run.loader("test", run.test_task, 0, "dirichlet")
    rule = StopRule(0.2, 0.95)
    short = evaluate(run.method, params, loader, 400, until=rule).columns
    n = len(short["n_correct"])
    assert 100 <= n < 256
    whole = evaluate(run.method, params, loader, n).columns
    for key, values in whole.items():
        np.testing.assert_array_equal(short[key], values, err_msg=key)
