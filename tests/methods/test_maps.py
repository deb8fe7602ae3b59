"""Parts on maps: known answers, reductions, and what may be permuted."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from fewshot_bench.errors import ConfigError
from fewshot_bench.methods.classifiers.cross_attention import CrossTransformers
from fewshot_bench.methods.classifiers.earth_mover import EarthMover
from fewshot_bench.methods.transforms.covariance import BrownianCovariance
from fewshot_bench.nn.algebra import cosines
from fewshot_bench.nn.heads import squared_distances
from fewshot_bench.nn.transport import transport
from tests.methods.feature_cases import F64, batch, close, rows

# Fixture B of the specification: positions x channels, here laid flat channel by channel.
CLASSES = torch.stack([rows(x).T.flatten() for x in ("1 .2 .1 | .3 .9 .2", ".2 1 .4 | .9 .5 .3")])
QUERY = rows(".8 .1 .3 | .4 .6 .2").T.flatten()[None]


@pytest.mark.parametrize(
    ("classifier", "expected"),
    [
        (CrossTransformers(channels=3), "-.12822553 -.24443790"),  # Z9
        (EarthMover(channels=3), "10.95482523 8.94353300"),  # Z7
    ],
)
def test_z7_and_z9(classifier, expected):
    close(classifier({}, CLASSES, torch.tensor([0, 1]), QUERY, 2), rows(expected))


def test_z7_flow():
    centred = [x.reshape(3, 2).T - x.reshape(3, 2).mean(0)[:, None] for x in (QUERY[0], CLASSES[0])]
    cost = 1 - cosines(*centred)
    masses = rows("1 1"), rows("1.12077295 .87922705")
    close(transport(cost[None], *masses)[0], rows("1 0 | .12077295 .87922705"))


def test_z17_upper_triangle():
    x = rows("1 .2 | .4 .6 | .1 .9").flatten()[None]
    expected = "-.36437523 .11234512 .25203011 -.12574797 .01340286 -.26543297"
    close(BrownianCovariance(3)({}, x, x)[0], rows(expected))


@pytest.mark.parametrize(("n", "m"), [(1, 3), (4, 4), (3, 6)])
@pytest.mark.parametrize("equal", [True, False])
def test_transport_is_that_of_a_linear_program(n, m, equal):
    g = torch.Generator().manual_seed(n)
    cost = torch.rand(5, n, m, generator=g, dtype=F64)
    supply, demand = (torch.rand(5, k, generator=g, dtype=F64) + 1e-3 for k in (n, m))
    if equal:  # many best flows
        supply, demand, cost = supply * 0 + 1, demand * 0 + 1, (3 * cost).round()
    supply, demand = (x / x.sum(-1, keepdim=True) for x in (supply, demand))
    flow = transport(cost, supply, demand)
    assert (flow >= 0).all()
    close(flow.sum(-1), supply, 1e-12)
    close(flow.sum(-2), demand, 1e-12)
    margins = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    for i in range(5):
        right = torch.cat([supply[i], demand[i]]).numpy()
        least = linprog(cost[i].flatten().numpy(), A_eq=margins, b_eq=right).fun
        assert (flow[i] * cost[i]).sum().item() == pytest.approx(least, abs=1e-9)


def test_one_position_and_one_shot():
    support, labels, query, n_way = batch(1, shots=(1, 1, 1))
    order = labels[0].argsort()
    support, labels, query = support[0][order], labels[0][order], query[0]
    centred = [x - x.mean(-1, keepdim=True) for x in (query, support)]
    close(EarthMover()({}, support, labels, query, n_way), 12.5 * cosines(*centred), 1e-9)
    found = CrossTransformers()({}, support, labels, query, n_way)
    close(found, -squared_distances(query, support), 1e-9)


@pytest.mark.parametrize(
    "classifier",
    [
        CrossTransformers(channels=3),
        EarthMover(channels=3),
        EarthMover(channels=3, solver="sinkhorn", rounds=5),
    ],
)
def test_positions_of_an_image_have_no_order_and_all_has_a_gradient(classifier):
    support, labels, query, n_way = batch(1, shots=(2, 1), queries=2)
    expected = classifier({}, support, labels, query, n_way)
    moved = [x.unflatten(-1, (3, 4))[..., [2, 0, 3, 1]].flatten(-2) for x in (support, query)]
    close(classifier({}, moved[0], labels, moved[1], n_way), expected, 1e-9)
    inputs = support.requires_grad_(), query.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, q: classifier({}, x, labels, q, n_way), inputs, atol=1e-5
    )


def test_cross_attention_ignores_rotations_of_channels():
    support, labels, query, n_way = batch()
    g = torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=g, dtype=F64))[0]
    turned = [(rotation @ x.unflatten(-1, (3, 4))).flatten(-2) for x in (support, query)]
    classifier = CrossTransformers(channels=3)
    expected = classifier({}, support, labels, query, n_way)
    close(classifier({}, turned[0], labels, turned[1], n_way), expected, 1e-9)


def test_sinkhorn_comes_near_the_exact_flow():
    support, labels, query, n_way = batch()
    exact, near = (
        EarthMover(channels=3, **options)({}, support, labels, query, n_way)
        for options in ({}, {"solver": "sinkhorn", "rounds": 10_000})
    )
    close(near, exact, 0.2)
    assert (near <= exact).all()  # a spread flow is one of those that the exact one is best of


def test_brownian_covariance_is_centred_and_blind_to_order_and_shifts():
    x = batch(1)[0].unflatten(-1, (3, 4))
    part = BrownianCovariance(3)
    matrix = part.matrix({}, x)
    close(matrix.sum(-1), torch.zeros_like(matrix[..., 0]), 1e-12)
    close(part.matrix({}, x[..., [2, 0, 3, 1]]), matrix, 1e-12)
    shift = torch.tensor([0.3, -2.0, 5.0, 0.1], dtype=F64)  # of all channels, by position
    close(part.matrix({}, x + shift), matrix, 1e-9)
    flat, _ = BrownianCovariance(3, frobenius=True)({}, x.flatten(-2), x.flatten(-2))
    close(flat.square().sum(-1), matrix.square().sum((-2, -1)), 1e-12)


def test_a_learned_factor_starts_at_the_closed_form():
    x = batch(1)[0]
    part = BrownianCovariance(3, learned=True)
    params = {k: v.double() for k, v in part.init(12, torch.Generator()).items()}
    close(part(params, x, x)[0], BrownianCovariance(3)({}, x, x)[0], 1e-6)


@pytest.mark.parametrize("part", [CrossTransformers(5), EarthMover(5), BrownianCovariance(5)])
def test_features_that_are_no_maps_of_these_channels(part):
    with pytest.raises(ConfigError, match="12 features are no maps of 5 channels"):
        part.init(12, torch.Generator())
