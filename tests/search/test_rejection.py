"""Cheap tests of losses: which pass, and which losses are taken for the same."""

import pytest
import torch

from fewshot_bench.inner.losses.expression import Expression
from fewshot_bench.search.equivalence import gradient_key
from fewshot_bench.search.gradients import FunctionLosses, TreeLosses
from fewshot_bench.search.rejection import improves, output_gradients, sampled_outputs
from tests.search.common import CROSS_ENTROPY, SQUARED_ERROR, make_problem

OUTPUTS = torch.tensor([[0.3, 0.0, -0.3], [0.0, 0.1, 0.0], [0.2, 0.1, 0.0]])
LABELS = torch.tensor([1, 2, 0])


def losses_of(*texts):
    expressions = [Expression.parse(text) for text in texts]
    return TreeLosses(expressions, [[1.0] * e.n_edges for e in expressions])


def test_the_protocol_tells_good_from_bad():
    texts = [
        CROSS_ENTROPY,
        "mul(y,log(f(x)))",  # cross-entropy upside down
        "mul(y,sign(f(x)))",  # flat
        SQUARED_ERROR,
        "log(mul(f(x),f(x)))",  # nothing of the target
    ]
    found = improves(losses_of(*texts), OUTPUTS, LABELS, steps=100, lr=0.01)
    assert found.tolist() == [True, False, False, True, False]


def test_the_protocol_for_regression():
    outputs, targets = torch.zeros(3, 1), torch.tensor([[1.0], [-1.0], [2.0]])
    found = improves(losses_of(SQUARED_ERROR, "mul(y,f(x))"), outputs, targets, 20, 0.01)
    assert found.tolist() == [True, False]


def test_what_is_not_finite_is_rejected():
    def bad(prediction, target):
        return (prediction * torch.inf).sum(-1)

    def good(prediction, target):
        return -(target * prediction.log()).sum(-1)

    losses = FunctionLosses([bad, good])
    assert improves(losses, OUTPUTS, LABELS, 100, 0.01).tolist() == [False, True]


def test_gradients_are_those_of_each_instance():
    found = output_gradients(losses_of(CROSS_ENTROPY, "sign(f(x))"), OUTPUTS, LABELS)
    one_hot = torch.nn.functional.one_hot(LABELS, 3)
    torch.testing.assert_close(found[0], OUTPUTS.softmax(1) - one_hot)
    assert (found[1] == 0).all()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_samples_are_the_first_training_examples(task):
    problem = make_problem(task)
    outputs, targets = sampled_outputs(problem.model, problem.data, seed=0)
    assert outputs.shape == (40, problem.data.n_outputs)
    assert torch.equal(targets, problem.data.train.targets)


def keys(kind, *texts):
    problem = make_problem()
    return [gradient_key(problem, 0, Expression.parse(text), kind) for text in texts]


def test_equal_gradients_have_one_key():
    one, other = keys("raw", SQUARED_ERROR, "square(sub(f(x),y))")
    assert one == other
    one, other = keys("raw", SQUARED_ERROR, "add(square(sub(f(x),y)),+1)")
    assert one == other


def test_a_multiple_is_another_loss_unless_gradients_are_normalised():
    texts = SQUARED_ERROR, f"add({SQUARED_ERROR},{SQUARED_ERROR})", "abs(sub(y,f(x)))"
    one, twice, absolute = keys("raw", *texts)
    assert len({one, twice, absolute}) == 3
    one, twice, absolute = keys("normalised", *texts)
    assert one == twice != absolute
