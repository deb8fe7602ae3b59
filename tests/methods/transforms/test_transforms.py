"""Transforms of features: known answers, invariances, scikit-learn."""

import pytest
import torch
from sklearn.decomposition import PCA as SklearnPCA

from fewshot_bench.methods.parts import BASE_MEAN as BASE_MEAN_NAME
from fewshot_bench.methods.transforms.centre import Centre
from fewshot_bench.methods.transforms.power import Power
from fewshot_bench.methods.transforms.ranges import MinMax
from fewshot_bench.methods.transforms.spectral import PCA, Whiten
from fewshot_bench.nn.heads import prototypes, squared_distances
from fewshot_bench.registry import TRANSFORMS
from tests.methods.feature_cases import (
    BASE_MEAN,
    LABELS,
    N_WAY,
    QUERY,
    SUPPORT,
    batch,
    close,
    names,
    part,
    rows,
)

Z3 = {
    "un": """-.0625 -.8150 -.8600 | -.5025 -.1250 -1.0900
        | -1.3725 -.8550 -.0400 | -.4025 -.4550 -.4100""",
    "l2n": """-.04781666 -.83861633 -1.14311305 | -.56696292 -.09382343 -1.24836932
        | -1.44285884 -.75543968 -.02820063 | -.47301567 -.41930965 -.48972793""",
    "cl2n": """-.07659155 -2.77462077 -2.42822149 | -1.66111212 -.28206290 -2.97351509
        | -2.97220749 -1.68057204 -.06394125 | -1.44165029 -1.49399421 -.97407266""",
}


def transform(name, support=SUPPORT, query=QUERY, mean=BASE_MEAN, **options):
    made, params = part(TRANSFORMS, name, support.shape[-1], **options)
    if BASE_MEAN_NAME in params:
        params[BASE_MEAN_NAME] = mean
    return made(params, support, query)


@pytest.mark.parametrize("name", Z3)
def test_simpleshot_known_answers(name):
    support, query = transform(name)
    close(-squared_distances(query, prototypes(support, LABELS, N_WAY)), rows(Z3[name]))


@pytest.mark.parametrize("name", names(TRANSFORMS))
def test_a_batch_is_its_episodes_one_by_one(name):
    support, _, query, _ = batch()
    mean = torch.linspace(0, 1, support.shape[-1], dtype=support.dtype)
    together = transform(name, support, query, mean)
    for i in range(len(support)):
        alone = transform(name, support[i], query[i], mean)
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a[i].abs(), b.abs(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", names(TRANSFORMS))
def test_the_setting_told_is_the_behaviour(name):
    support, _, query, _ = batch()
    mean = torch.zeros(support.shape[-1], dtype=support.dtype)
    other = query.clone()
    other[:, 1:] = other[:, 1:].flip(-1) * 3
    before = transform(name, support, query, mean)[1][:, 0]
    after = transform(name, support, other, mean)[1][:, 0]
    made, _ = part(TRANSFORMS, name, support.shape[-1])
    assert made.uses_queries == (TRANSFORMS.entry(name).setting == "transductive")
    assert torch.equal(before, after) != made.uses_queries


def test_l2n_ignores_the_length_of_each_image_and_cl2n_a_common_shift():
    support, _, query, _ = batch()
    mean = torch.linspace(0, 1, support.shape[-1], dtype=support.dtype)
    length = torch.linspace(0.5, 2, support.shape[-2], dtype=support.dtype).unsqueeze(-1)
    close(transform("l2n", support * length, query)[0], transform("l2n", support, query)[0])
    moved = transform("cl2n", support + 2, query + 2, mean + 2)
    close(moved[1], transform("cl2n", support, query, mean)[1])
    no_mean = transform("cl2n", support, query, torch.zeros_like(mean))
    close(no_mean[0], transform("l2n", support, query)[0])


@pytest.mark.parametrize(("by", "moved"), [("support", 0), ("episode", 0), ("each", 0)])
def test_centres(by, moved):
    support, query = Centre(by)({}, SUPPORT, QUERY)
    mean = {
        "support": support.mean(0),
        "episode": torch.cat([support, query]).mean(0),
        "each": support.mean(0).abs() + query.mean(0).abs(),
    }[by]
    close(mean, torch.zeros(3, dtype=mean.dtype))
    assert (query.mean(0).abs().max() < 1e-12) == (by == "each")


def test_powers():
    x = torch.tensor([[4.0, 0.0, -9.0]], dtype=torch.float64)
    close(Power(eps=1e-12)({}, x, x)[0], rows("2 1e-6 1e-6"), 1e-9)
    close(Power(eps=1e-12, signed=True)({}, x, x)[0], rows("2 0 -3"), 1e-9)


def test_range_is_one_and_a_constant_dimension_stays():
    support = torch.cat([SUPPORT, torch.full((6, 1), 5.0)], dim=-1)
    query = torch.cat([QUERY, torch.full((4, 1), 5.0)], dim=-1)
    items = torch.cat(MinMax()({}, support, query))
    close(items.amin(0), torch.zeros(4, dtype=items.dtype))
    close(items.amax(0), torch.tensor([1.0, 1, 1, 0], dtype=items.dtype))


@pytest.mark.parametrize("features", [4, 30])
def test_pca_is_that_of_scikit_learn_up_to_signs(features):
    support, _, query, _ = batch(features=features)
    _, projected = PCA(components=3)({}, support, query)
    for i in range(len(support)):
        expected = SklearnPCA(3).fit(support[i].numpy()).transform(query[i].numpy())
        close(projected[i].abs(), torch.from_numpy(expected).abs(), 1e-9)


@pytest.mark.parametrize("features", [4, 30])
def test_whitening_is_the_inverse_root_of_the_shrunk_covariance(features):
    support, _, query, _ = batch(features=features)
    x = support[0] - support[0].mean(0)
    covariance = x.T @ x / len(x)
    shrunk = covariance + 0.1 * covariance.trace() / features * torch.eye(features, dtype=x.dtype)
    values, vectors = torch.linalg.eigh(shrunk)
    expected = (query[0] - support[0].mean(0)) @ (vectors * values.rsqrt()) @ vectors.T
    close(Whiten()({}, support, query)[1][0], expected, 1e-9)
