"""Predictions: embedding once equals embedding per episode; scores equal plain arithmetic."""

import dataclasses

import numpy as np
import pytest
import torch

from fewshot_bench.errors import ConfigError, TrainingError
from fewshot_bench.evaluation.evaluate import evaluate
from fewshot_bench.evaluation.predict import accuracy, predict
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
