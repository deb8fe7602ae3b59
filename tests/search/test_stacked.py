"""A stack of networks does what each of them would do alone."""

import functools

import pytest
import torch

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.inner.losses.per_output import criterion
from fewshot_bench.inner.losses.symbolic import SymbolicLoss
from fewshot_bench.nn.backbone import ImageShape, build_backbone
from fewshot_bench.search.gradients import FunctionLosses
from fewshot_bench.search.stacked import stacked_errors, train_stacked
from fewshot_bench.supervised.data import Examples, SupervisedData
from fewshot_bench.supervised.models import BackboneClassifier
from fewshot_bench.supervised.train import Recipe, error, train
from tests.search.common import CROSS_ENTROPY, SQUARED_ERROR, make_problem

TEXTS = [CROSS_ENTROPY, SQUARED_ERROR, "abs(sub(y,f(x)))"]


def losses_of(texts):
    expressions = [Expression.parse(text) for text in texts]
    return [SymbolicLoss(e, (1.0,) * e.n_edges) for e in expressions]


def pair_losses(losses):
    return FunctionLosses([functools.partial(loss.of_outputs, {}) for loss in losses])


def check_same(model, data, recipe, losses):
    params, alive = train_stacked(model, data, pair_losses(losses), recipe, seed=3)
    assert alive.all()
    found = stacked_errors(model, params, data.val)
    for k, loss in enumerate(losses):
        alone = train(model, data, criterion(loss, {}, data.task), recipe, seed=3)
        for name, value in alone.params.items():
            torch.testing.assert_close(params[name][k], value, rtol=1e-4, atol=1e-5)
        assert found[k].item() == pytest.approx(error(model, alone.params, data.val), abs=1e-5)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_equals_single_trainings(task):
    problem = make_problem(task)
    texts = TEXTS if task == "classification" else TEXTS[1:]
    check_same(problem.model, problem.data, Recipe(20, batch_size=16), losses_of(texts))


def test_with_running_averages():
    generator = torch.Generator().manual_seed(0)

    def part():
        return Examples(
            torch.randn(12, 1, 16, 16, generator=generator),
            torch.randint(3, (12,), generator=generator),
        )

    data = SupervisedData("noise", "classification", 3, part(), part(), part())
    backbone = build_backbone("conv4-32", ImageShape(1, 16), bn="running")
    model = BackboneClassifier(backbone, 3)
    check_same(model, data, Recipe(2, batch_size=6), losses_of(TEXTS[:2]))


def test_one_loss_that_is_not_finite_leaves_the_others_alone():
    problem, recipe = make_problem(), Recipe(8, batch_size=16)
    [good] = pair_losses(losses_of([CROSS_ENTROPY])).functions

    def bad(prediction, target):
        return (prediction * torch.inf).sum(-1)

    alone, _ = train_stacked(problem.model, problem.data, FunctionLosses([good, good]), recipe, 0)
    params, alive = train_stacked(
        problem.model, problem.data, FunctionLosses([bad, good]), recipe, 0
    )
    assert alive.tolist() == [False, True]
    assert all(torch.equal(params[name][1], alone[name][1]) for name in params)
    # The last step can break it, too, after losses that were fine.
    steep = FunctionLosses([good, lambda prediction, target: 1e37 * good(prediction, target)])
    params, _ = train_stacked(problem.model, problem.data, steep, Recipe(1, 16, lr=1e3), 0)
    found = stacked_errors(problem.model, params, problem.data.val)
    assert found.isfinite().tolist() == [True, False]


@pytest.mark.parametrize(
    ("hidden", "n", "sizes"),
    [((), 25, [7, 6, 6, 6]), ((), 9, [5, 4]), ((), 7, [7]), ((1000, 1000), 3, [1] * 3)],
)
def test_candidates_are_stacked_evenly_unless_networks_are_large(hidden, n, sizes):
    candidates = [str(i) for i in range(n)]
    stacks = make_problem(hidden=hidden).stacks(candidates)
    assert [len(stack) for stack in stacks] == sizes
    assert sorted(c for stack in stacks for c in stack) == sorted(candidates)
    assert make_problem().stacks([]) == []
