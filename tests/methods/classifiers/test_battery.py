"""What every registered classifier must satisfy."""

import pytest
import torch

from fewshot_bench.registry import CLASSIFIERS
from tests.methods.feature_cases import batch, names, part

ALL = names(CLASSIFIERS)
TRAINED = names(CLASSIFIERS, "knn", "ridge", "matching[closer-look]")


def logits_of(name, support, labels, query, n_way, **options):
    classifier, params = part(CLASSIFIERS, name, support.shape[-1], **options)
    params = {key: value.to(support.dtype) for key, value in params.items()}
    return classifier(params, support, labels, query, n_way)


@pytest.mark.parametrize("name", ALL)
def test_a_batch_is_its_episodes_one_by_one(name):
    support, labels, query, n_way = batch()
    together = logits_of(name, support, labels, query, n_way)
    assert together.shape == (3, 9, 4)
    for i in range(3):
        alone = logits_of(name, support[i], labels[i], query[i], n_way)
        torch.testing.assert_close(together[i], alone, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ALL)
def test_two_leading_dimensions(name):
    support, labels, query, n_way = batch(episodes=4)
    expected = logits_of(name, support, labels, query, n_way)
    nested = (x.unflatten(0, (2, 2)) for x in (support, labels, query))
    actual = logits_of(name, *nested, n_way)
    torch.testing.assert_close(actual.flatten(0, 1), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("features", [3, 12])
def test_neither_classes_nor_items_nor_queries_have_an_order(name, features):
    support, labels, query, n_way = batch(features=features)
    expected = logits_of(name, support, labels, query, n_way)
    classes = torch.tensor([2, 0, 3, 1])
    renamed = logits_of(name, support, classes[labels], query, n_way)
    torch.testing.assert_close(renamed[..., classes], expected, rtol=1e-6, atol=1e-7)
    items = logits_of(name, support.flip(1), labels.flip(1), query, n_way)
    torch.testing.assert_close(items, expected, rtol=1e-6, atol=1e-7)
    queries = logits_of(name, support, labels, query.flip(1), n_way)
    torch.testing.assert_close(queries.flip(1), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_a_query_is_classified_as_if_alone(name):
    support, labels, query, n_way = batch()
    other = query.clone()
    other[:, 1:] = 5 * other[:, 1:].flip(-1)
    before = logits_of(name, support, labels, query, n_way)[:, 0]
    assert torch.equal(logits_of(name, support, labels, other, n_way)[:, 0], before)


@pytest.mark.parametrize("name", ALL)
def test_single_precision_is_close_to_double(name):
    support, labels, query, n_way = batch()
    double = logits_of(name, support, labels, query, n_way).softmax(-1)
    single = logits_of(name, support.float(), labels, query.float(), n_way)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.softmax(-1).double(), double, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "case", ["one shot", "zero", "equal", "repeated", "more ways than features"]
)
def test_degenerate_episodes_have_finite_logits(name, case):
    support, labels, query, n_way = batch(shots=(1, 1, 1) if case == "one shot" else (2, 3, 1))
    if case == "zero":
        support[:, 0], query[:, 0] = 0, 0
    elif case == "equal":
        support[:] = support[:, :1]
    elif case == "repeated":
        support[:, 1] = support[:, 0]
    elif case == "more ways than features":
        support, query = support[..., :2], query[..., :2]
    assert logits_of(name, support, labels, query, n_way).isfinite().all()


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("features", [3, 7])
def test_gradients_in_the_features(name, features):
    support, labels, query, n_way = batch(1, features, shots=(2, 1, 2), queries=2, seed=4)
    options = {"jitter": 1.0} if name == "svm" else {}

    def of_features(support, query):
        return logits_of(name, support, labels, query, n_way, **options)

    inputs = (support.requires_grad_(), query.requires_grad_())
    # The large c of baseline leaves its optimum uncertain by 1e-10, too much for small differences.
    eps = 1e-4 if name == "baseline" else 1e-6
    assert torch.autograd.gradcheck(of_features, inputs, eps=eps, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_learned_parameters_are_named_for_their_part_and_get_a_gradient(name):
    support, labels, query, n_way = batch()
    classifier, params = part(CLASSIFIERS, name, support.shape[-1])
    assert all(key.startswith("classifier.") for key in params)
    params = {key: value.requires_grad_() for key, value in params.items()}
    if params:
        logits = classifier(params, support, labels, query, n_way)
        (logits.softmax(-1)[..., 0] + logits[..., 1]).square().sum().backward()
        assert all(
            value.grad is not None and value.grad.isfinite().all() for value in params.values()
        )


@pytest.mark.parametrize("name", ALL)
def test_separated_classes_are_told_apart(name):
    support, labels, query, n_way = batch(shots=(2, 3, 2))
    means = torch.eye(12, dtype=support.dtype)[:3] * 10
    noisy = 0.05 * support + means[labels]
    queries = means.expand(3, 3, 12) + 0.05 * query[:, :3]
    if name == "feat":
        pytest.skip("untrained attention moves class means at random")
    found = logits_of(name, noisy, labels, queries, n_way).argmax(-1)
    assert found.tolist() == [[0, 1, 2]] * 3
