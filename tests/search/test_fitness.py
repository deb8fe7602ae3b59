"""What becomes of a candidate, by the plain way through supervised training."""

import dataclasses
import math

import pytest
import torch

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.inner.losses.symbolic import SymbolicLoss
from fewshot_bench.search import fitness
from fewshot_bench.search.fitness import assess, initial_weights
from fewshot_bench.search.spec import open_problem
from fewshot_bench.supervised.train import WEIGHTS, error, generator, train
from tests.search.common import CROSS_ENTROPY, SQUARED_ERROR, make_spec

FLAT, UPSIDE_DOWN = "mul(y,sign(f(x)))", "mul(y,log(f(x)))"


@pytest.mark.parametrize("method", ["evomal", "gp"])
def test_verdicts_and_fitness(method):
    spec = make_spec(method)
    problem = open_problem(spec)
    texts = [CROSS_ENTROPY, FLAT, UPSIDE_DOWN, SQUARED_ERROR]
    outcomes = assess(spec, texts)
    assert [o.verdict for o in outcomes] == ["kept", "no gradient", "rejected", "kept"]
    assert [math.isinf(o.fitness) for o in outcomes] == [False, True, True, False]
    for text, outcome in zip(texts, outcomes, strict=True):
        if outcome.verdict == "kept":
            loss = SymbolicLoss(Expression.parse(text), outcome.weights)
            task = problem.data.task
            own, seed = criterion(loss, {}, task), spec.training_seed
            trained = train(problem.model, problem.data, own, spec.recipe, seed)
            expected = error(problem.model, trained.params, problem.data.val)
            assert outcome.fitness == pytest.approx(expected)
            assert (set(outcome.weights) == {1.0}) == (method == "gp")


def test_a_comparison_has_other_networks_than_the_search():
    spec = make_spec()
    model = open_problem(spec).model
    searched = model.init(generator(spec.training_seed, WEIGHTS))
    for seed in range(5):
        compared = model.init(generator(seed, WEIGHTS))
        assert not torch.equal(searched["layer0.weight"], compared["layer0.weight"])


def test_first_weights_belong_to_the_tree():
    spec, tree = make_spec(), Expression.parse(CROSS_ENTROPY)
    weights = initial_weights(spec, tree)
    assert weights == initial_weights(spec, tree)
    assert 0 < max(abs(weight - 1) for weight in weights) < 5e-3
    for other in (dataclasses.replace(spec, seed=1), spec):
        text = UPSIDE_DOWN if other is spec else CROSS_ENTROPY
        assert weights[0] != initial_weights(other, Expression.parse(text))[0]


def test_weights_that_are_not_finite_end_a_candidate(monkeypatch):
    def tune(expressions, start, *rest):
        return [start[0] * math.nan, *start[1:]]

    monkeypatch.setattr(fitness, "tune", tune)
    outcomes = assess(make_spec(), [CROSS_ENTROPY, SQUARED_ERROR])
    assert [o.verdict for o in outcomes] == ["not finite", "kept"]


def test_what_is_rejected_before_local_search_is_spared_it(monkeypatch):
    texts, learned = [CROSS_ENTROPY, UPSIDE_DOWN], []

    def tune(expressions, start, *rest):
        learned.extend(map(str, expressions))
        return start

    monkeypatch.setattr(fitness, "tune", tune)
    for reject, expected in (("before", texts[:1]), ("after", texts)):
        learned.clear()
        verdicts = [outcome.verdict for outcome in assess(make_spec(reject=reject), texts)]
        assert verdicts == ["kept", "rejected"]
        assert learned == expected


def test_nothing_left_is_no_error():
    assert [o.verdict for o in assess(make_spec(), [FLAT])] == ["no gradient"]
