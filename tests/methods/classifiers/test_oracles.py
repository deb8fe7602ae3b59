"""Classifiers against scikit-learn, optimality conditions and the reductions to each other."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from fewshot_bench.methods.classifiers.cosine_head import CosineHead
from fewshot_bench.methods.classifiers.discriminant import LDA
from fewshot_bench.methods.classifiers.local import LocalDescriptors
from fewshot_bench.methods.classifiers.logistic import LogisticRegression
from fewshot_bench.methods.classifiers.mahalanobis import Mahalanobis
from fewshot_bench.methods.classifiers.memory import Memory, Neighbours
from fewshot_bench.methods.classifiers.prototypes import CosineMean, NearestMean
from fewshot_bench.methods.classifiers.ridge import Ridge
from fewshot_bench.methods.classifiers.ridge_loo import LeaveOneOutRidge, leave_one_out_errors
from fewshot_bench.methods.classifiers.subspace import Subspace
from fewshot_bench.methods.classifiers.svm import SVM
from fewshot_bench.nn.algebra import add_to_diagonal, ridge_weights, unit
from fewshot_bench.nn.labels import one_hot
from tests.methods.feature_cases import batch, classify, close


def episode(features=12, shots=(2, 3, 2, 4), **options):
    """Numpy views of one episode, and its tensors."""
    support, labels, query, n_way = batch(1, features, shots, **options)
    return support[0], labels[0], query[0], n_way


def centred(logits):
    return logits - logits.mean(dim=-1, keepdim=True)


@pytest.mark.parametrize("features", [4, 30])
@pytest.mark.parametrize("c", [0.1, 1.0, 100.0])
def test_logistic_regression(features, c):
    support, labels, query, n_way = episode(features)
    oracle = SklearnLogisticRegression(C=c, tol=1e-10, max_iter=20_000)
    expected = oracle.fit(support.numpy(), labels.numpy()).predict_proba(query.numpy())
    logits = LogisticRegression(c)({}, support, labels, query, n_way)
    close(logits.softmax(-1), torch.from_numpy(expected), 1e-5)


def test_the_optimum_has_no_gradient():
    support, labels, _, n_way = episode(30)
    weights, intercept = LogisticRegression(50.0).fit(support, labels, n_way)
    p = (support @ weights + intercept).softmax(-1) - one_hot(labels, n_way, support.dtype)
    close(50 * support.T @ p + weights, torch.zeros_like(weights), 1e-8)
    close(50 * p.sum(0), torch.zeros(n_way, dtype=p.dtype), 1e-8)


@pytest.mark.parametrize("features", [4, 30])
@pytest.mark.parametrize("shrinkage", [0.1, 0.5, 1.0])
def test_lda(features, shrinkage):
    # Its covariance weighs classes by the priors: the same only where shots are equal.
    support, labels, query, n_way = episode(features, shots=(3, 3, 3, 3))
    priors = np.full(4, 1 / 4)
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=priors)
    oracle.fit(support.numpy(), labels.numpy())
    expected = torch.from_numpy(oracle.decision_function(query.numpy()))
    logits = LDA(shrinkage)({}, support, labels, query, n_way)
    torch.testing.assert_close(centred(logits), centred(expected), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("features", [4, 30])
def test_ridge(features):
    support, labels, query, n_way = episode(features)
    y = one_hot(labels, n_way, support.dtype).numpy()
    for made, intercept in (
        (Ridge(penalty=0.7), False),
        (LeaveOneOutRidge((), one_shot_penalty=0.7, scale=1.0), True),
    ):
        oracle = SklearnRidge(alpha=0.7, fit_intercept=intercept, solver="cholesky")
        expected = oracle.fit(support.numpy(), y).predict(query.numpy())
        close(made({}, support, labels, query, n_way), torch.from_numpy(expected), 1e-9)


def test_both_systems_of_ridge_have_the_same_solution():
    support, labels, _, n_way = episode(30)
    y = one_hot(labels, n_way, support.dtype)
    primal = torch.linalg.solve(add_to_diagonal(support.T @ support, 0.3), support.T @ y)
    close(ridge_weights(support, y, 0.3), primal, 1e-10)


@pytest.mark.parametrize("features", [4, 30])
def test_leave_one_out_errors_are_those_of_leaving_one_out(features):
    support, labels, _, n_way = episode(features)
    y = one_hot(labels, n_way, support.dtype)
    penalties = torch.tensor([0.05, 2.0], dtype=y.dtype)
    for i, penalty in enumerate(penalties):
        oracle = SklearnRidge(alpha=penalty.item(), solver="cholesky")
        left = cross_val_predict(oracle, support.numpy(), y.numpy(), cv=LeaveOneOut())
        expected = ((y - torch.from_numpy(left)) ** 2).sum(-1).mean()
        assert leave_one_out_errors(support, y, penalties)[i].item() == pytest.approx(
            expected.item(), rel=1e-8
        )


def test_an_episode_with_a_single_shot_takes_the_fixed_penalty():
    support, labels, query, n_way = episode(shots=(1, 3, 3))
    fixed = LeaveOneOutRidge((), one_shot_penalty=0.3)({}, support, labels, query, n_way)
    chosen = LeaveOneOutRidge((9.0,), one_shot_penalty=0.3)({}, support, labels, query, n_way)
    close(chosen, fixed, 1e-12)


@pytest.mark.parametrize("k", [1, 3])
def test_neighbours(k):
    support, labels, query, n_way = episode(30)

    def weights(distances):  # the oracle's cosine distance
        return np.exp((1 - distances) / 0.07)

    oracle = KNeighborsClassifier(k, weights=weights, metric="cosine")
    expected = oracle.fit(support.numpy(), labels.numpy()).predict_proba(query.numpy())
    shares = Neighbours(k=k)({}, support, labels, query, n_way).exp()
    close(shares, torch.from_numpy(expected), 1e-9)


@pytest.mark.parametrize("jitter", [0.0, 1.0])
@pytest.mark.parametrize("c", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("features", [4, 30])
def test_svm_meets_the_optimality_conditions(jitter, c, features):
    support, labels, _, n_way = episode(features)
    support, y = unit(support), one_hot(labels, n_way, support.dtype)
    alpha = SVM(c=c, jitter=jitter).fit(support, y)
    gradient = (add_to_diagonal(support @ support.T, jitter)) @ alpha - y
    close(alpha.sum(-1), torch.zeros_like(alpha[:, 0]), 1e-9)
    assert (c * y - alpha).min() > -1e-8 * c
    # In each row the free entries share one gradient, and entries at their bound have no more.
    free = alpha < c * y - 1e-7 * c
    level = torch.where(free, gradient, -torch.inf).amax(-1, keepdim=True)
    lowest = torch.where(free, gradient, torch.inf).amin(-1, keepdim=True)
    assert ((level - lowest).where(free.any(-1, keepdim=True), 0 * level) < 1e-6).all()
    assert (gradient <= level + 1e-6).where(free.any(-1, keepdim=True), free == free).all()


def test_a_tiny_c_puts_every_own_class_at_its_bound():
    support, labels, _, n_way = episode()
    y = one_hot(labels, n_way, support.dtype)
    alpha = SVM(c=1e-4).fit(unit(support), y)
    close((alpha * y).sum(-1), torch.full_like(alpha[:, 0], 1e-4), 1e-10)


def test_reductions():
    support, labels, query, n_way = episode(shots=(1, 1, 1))
    given = {"support": support, "labels": labels, "query": query, "n_way": n_way}
    cosine, mean = classify(CosineMean(), **given), classify(NearestMean(), **given)
    close(centred(classify(Memory(), **given)), centred(cosine), 1e-12)
    close(classify(Subspace(), **given), mean, 1e-8)
    close(classify(LocalDescriptors(k=1), **given), cosine / 10, 1e-12)
    close(classify(CosineHead(steps=0, scale=10.0), **given), cosine, 1e-12)
    one_shot = classify(LDA(), **given)
    assert one_shot.argmax(-1).equal(mean.argmax(-1))
    support, labels, query, n_way = episode()
    given = {"support": support, "labels": labels, "query": query, "n_way": n_way}
    mean = classify(NearestMean(), **given)
    wide = 1e6
    close(wide * classify(Mahalanobis(wide, relative=False), **given), mean, 1e-4)
    ratio = centred(classify(LDA(1.0), **given)) / centred(mean)
    close(ratio, ratio[0, 0].expand_as(ratio), 1e-6)


def test_a_query_in_the_affine_span_of_a_class_has_distance_zero():
    support, labels, _, n_way = episode(30)
    own = support[labels == 3]
    query = (1.7 * own[0] - 0.9 * own[1] + 0.2 * own[2])[None]
    assert Subspace()({}, support, labels, query, n_way)[0, 3].abs() < 1e-7
    moved = Subspace()({}, support + 3, labels, query + 3, n_way)
    close(moved, Subspace()({}, support, labels, query, n_way), 1e-6)


ROTATED = [NearestMean(), CosineMean(), Memory(), Neighbours(), Ridge(), LeaveOneOutRidge()]
ROTATED += [LDA(), Mahalanobis(), Subspace(), SVM(), LogisticRegression(), CosineHead()]


@pytest.mark.parametrize(
    "classifier",
    ROTATED,
    ids=lambda c: type(c).__name__,
)
def test_rotating_features_changes_nothing(classifier):
    support, labels, query, n_way = episode()
    g = torch.Generator().manual_seed(1)
    rotation = torch.linalg.qr(torch.randn(12, 12, generator=g, dtype=support.dtype))[0]
    rotated = classifier({}, support @ rotation, labels, query @ rotation, n_way)
    expected = classifier({}, support, labels, query, n_way)
    torch.testing.assert_close(rotated, expected, rtol=1e-6, atol=1e-7)
