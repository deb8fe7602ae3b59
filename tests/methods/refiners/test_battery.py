"""What every registered refiner must satisfy, and the reductions and objectives of the family."""

import pytest
import torch

from fewshot_bench.methods.refiners import couplings
from fewshot_bench.methods.refiners.alternating import AlternatingInformation
from fewshot_bench.methods.refiners.information import InformationMaximisation
from fewshot_bench.methods.refiners.laplacian import LaplacianShot, neighbour_graph
from fewshot_bench.methods.refiners.loop import in_span
from fewshot_bench.methods.refiners.means import PTMAP, Paddle, SoftKMeans
from fewshot_bench.methods.sets import Sets
from fewshot_bench.nn.algebra import unit
from fewshot_bench.nn.heads import prototypes, squared_distances
from fewshot_bench.registry import REFINERS
from tests.methods.feature_cases import batch, close, names, part, refine

ALL = names(REFINERS)
FEW = {
    "tim-gd": {"steps": 20, "lr": 1e-2},
    "alpha-tim": {"steps": 20, "lr": 1e-2},
    "tim-adm": {"steps": 20},
    "paddle": {"steps": 20},
    "ilpc": {"steps": 50, "neighbours": 4},
    "label-propagation": {"neighbours": 4},
    "tpn": {"neighbours": 4},
}
DIFFERENTIABLE = names(REFINERS, "tim-gd", "alpha-tim", "ilpc", "ici", "entropy-tuning")


def refined(name, support, labels, query, n_way):
    refiner, params = part(REFINERS, name, support.shape[-1], **FEW.get(name, {}))
    params = {key: value.to(support.dtype) for key, value in params.items()}
    logits = -squared_distances(query, prototypes(support, labels, n_way))
    return refiner(params, Sets.of(support, labels, query, n_way), logits)


def unit_batch(**options):
    support, labels, query, n_way = batch(**options)
    return unit(support), labels, unit(query), n_way


@pytest.mark.parametrize("name", ALL)
def test_shares_sum_to_one_and_a_batch_is_its_episodes_one_by_one(name):
    support, labels, query, n_way = unit_batch()
    together = refined(name, support, labels, query, n_way)
    assert together.shape == (3, 9, 4)
    close(together.exp().sum(-1), torch.ones(3, 9, dtype=together.dtype), 1e-9)
    for i in range(3):
        alone = refined(name, support[i], labels[i], query[i], n_way)
        close(together[i].exp(), alone.exp(), 1e-6)


@pytest.mark.parametrize("name", ALL)
def test_neither_classes_nor_items_nor_queries_have_an_order(name):
    support, labels, query, n_way = unit_batch()
    expected = refined(name, support, labels, query, n_way).exp()
    classes = torch.tensor([2, 0, 3, 1])
    close(refined(name, support, classes[labels], query, n_way).exp()[..., classes], expected, 1e-6)
    close(refined(name, support.flip(1), labels.flip(1), query, n_way).exp(), expected, 1e-6)
    close(refined(name, support, labels, query.flip(1), n_way).exp().flip(1), expected, 1e-6)


@pytest.mark.parametrize("name", ALL)
def test_other_queries_matter(name):
    support, labels, query, n_way = unit_batch()
    other = query.clone()
    other[:, 1:] = unit(other[:, 1:].flip(-1))
    before = refined(name, support, labels, query, n_way)[:, 0]
    assert not torch.equal(refined(name, support, labels, other, n_way)[:, 0], before)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("case", ["one shot", "zero", "equal", "one query", "few features"])
def test_degenerate_episodes_are_finite_and_single_precision_stays(name, case):
    shots = (1, 1, 1) if case == "one shot" else (2, 3, 1)
    queries = 1 if case == "one query" else 6
    support, labels, query, n_way = unit_batch(shots=shots, queries=queries)
    if case == "zero":
        support[:, 0], query[:, 0] = 0, 0
    elif case == "equal":
        query[:] = query[:, :1]
    elif case == "few features":
        support, query = support[..., :2], query[..., :2]
    found = refined(name, support.float(), labels, query.float(), n_way)
    assert found.isfinite().all()
    assert found.dtype == torch.float32


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@pytest.mark.parametrize("features", [4, 12])
def test_gradients_in_the_features(name, features):
    support, labels, query, n_way = unit_batch(
        episodes=1, features=features, shots=(2, 1), queries=3
    )

    def of_features(support, query):
        return refined(name, support, labels, query, n_way)

    inputs = (support.requires_grad_(), query.requires_grad_())
    assert torch.autograd.gradcheck(of_features, inputs, atol=1e-4, rtol=1e-3)


def test_who_is_told_the_counts():
    told = {name for name in ALL if part(REFINERS, name, 3)[0].told_counts}
    assert told == {"pt-map", "ilpc"}


def test_reductions():
    nearest = refine(SoftKMeans(1.0, 0))
    close(refine(LaplacianShot(strength=0.0)), nearest, 1e-12)
    close(refine(Paddle(weight=0.0, steps=7)), refine(SoftKMeans(0.5, 7)), 1e-12)
    close(refine(PTMAP(step=1.0, counts="free", steps=5)), refine(SoftKMeans(10.0, 5)), 1e-12)
    start = refine(SoftKMeans(7.5, 0))
    close(refine(InformationMaximisation(steps=0)), start, 1e-12)
    close(refine(AlternatingInformation(steps=0)), start, 1e-12)
    shannon, tsallis = (
        refine(InformationMaximisation(alpha=a, steps=20, lr=1e-2)) for a in (1.0, 1.0 + 1e-6)
    )
    close(shannon, tsallis, 1e-4)


def test_duplicated_queries_leave_tim_alone():
    support, labels, query, n_way = unit_batch()
    for name in ("tim-gd", "alpha-tim"):
        once = refined(name, support, labels, query, n_way)
        twice = refined(name, support, labels, torch.cat([query, query], 1), n_way)
        close(twice[:, :9], once, 1e-9)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_objective_of_soft_k_means_and_paddle_never_rises(weight):
    support, labels, query, n_way = unit_batch()
    sets = Sets.of(support, labels, query, n_way)

    def objective(u, means):
        own = (sets.y * squared_distances(support, means)).sum((-2, -1)) / 2
        other = (u * squared_distances(query, means)).sum((-2, -1)) / 2
        entropy = (u * u.log()).sum((-2, -1))
        pi = u.mean(-2)
        return own + other + entropy - weight * query.shape[-2] * (pi * pi.log()).sum(-1)

    values = []
    for steps in range(1, 8):
        u = Paddle(weight=weight, steps=steps)({}, sets, query).exp()
        values.append(objective(u, sets.soft_means(u)))
    rises = torch.stack(values).diff(dim=0)
    assert (rises < 1e-4).all()


def test_the_energy_of_laplacian_shot_never_rises_for_a_positive_graph():
    support, labels, query, n_way = unit_batch()
    scores = -squared_distances(query, prototypes(support, labels, n_way))
    graph = neighbour_graph(query, 2)
    graph = (graph + graph.mT) / 2 + 5 * torch.eye(9, dtype=graph.dtype)
    energies = []
    for steps in range(8):
        u = couplings.neighbours(scores, graph, 0.3, steps).exp()
        pairs = (u * (graph @ u)).sum((-2, -1))
        energies.append((u * u.log() - u * scores).sum((-2, -1)) - 0.15 * pairs)
    assert (torch.stack(energies).diff(dim=0) < 1e-12).all()


def test_coordinates_in_the_span_keep_distances():
    support, labels, query, n_way = batch(features=40)
    sets = Sets.of(support, labels, query, n_way)
    small = in_span(sets)
    assert small.support.shape[-1] == 19
    close(squared_distances(small.query, small.means), squared_distances(query, sets.means), 1e-10)


def test_pt_map_keeps_the_counts_it_is_told_and_estimates_otherwise():
    support, labels, query, n_way = unit_batch(queries=12)
    told = refined("pt-map", support, labels, query, n_way).exp().sum(-2)
    close(told, torch.full_like(told, 3.0), 1e-6)
    estimated = refined("pt-map[estimate]", support, labels, query, n_way).exp().sum(-2)
    assert (estimated - 3).abs().max() > 0.1
