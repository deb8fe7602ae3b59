"""NPBML beyond what the whole family's tests say: its layers, its losses, the released formulas."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.network import SmoothLeakyReLU
from fewshot_bench.inner.losses.procedural import ProceduralLoss, weight_statistics
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.methods.npbml.relation import PrototypeRelation, RelationNetwork
from fewshot_bench.nn.backbone import ImageShape
from fewshot_bench.nn.norm import NormMode
from tests.methods.common import (
    N_WAY,
    SIZE,
    build,
    initial,
    learned,
    make_episode,
    make_params,
    shaken,
)


def gradients(method, params):
    loss, _ = method.episode_loss(params, make_episode())
    names = list(learned(params))
    found = torch.autograd.grad(loss, [params[n] for n in names], allow_unused=True)
    return {n: 0 if g is None else g.abs().max().item() for n, g in zip(names, found, strict=True)}


def make_view(n_way=3, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator).double()

    view = TaskView(
        support_logits=draw(6, n_way),
        support_labels=torch.tensor([0, 1, 2, 2, 1, 0]),
        adapted={"head.weight": draw(n_way, 4), "head.bias": draw(n_way)},
        step=0,
        query_logits=draw(5, n_way),
        context=draw(5, n_way).softmax(dim=1),
    )
    return dataclasses.replace(view, **changes)


def network(phi, name, x):
    """The paper's block: a linear layer, modulated by a linear layer of the same input."""
    for layer, activation in enumerate((F.relu, F.relu, SmoothLeakyReLU(0.25, 5.0))):
        weight, bias = (phi[f"loss.{name}.{layer}.{k}"].chunk(3) for k in ("weight", "bias"))
        value, gamma, beta = (x @ w.T + b for w, b in zip(weight, bias, strict=True))
        x = activation((gamma + 1) * value + beta)
    return x


def test_the_loss_is_what_the_paper_writes_down():
    loss = ProceduralLoss(n_way=3, n_tensors=2)
    phi = {name: value.double() for name, value in loss.init(torch.Generator()).items()}
    phi = shaken(phi)
    view = make_view()
    log_p = view.support_logits.log_softmax(dim=1)
    base = -log_p[torch.arange(6), view.support_labels]
    one_hot = torch.eye(3).double()[view.support_labels]
    support = torch.cat([view.support_logits, one_hot, base[:, None]], dim=1)
    soft = -(view.context * view.query_logits.log_softmax(dim=1)).sum(dim=1)
    query = torch.cat([view.query_logits, view.context, soft[:, None]], dim=1)
    weights = weight_statistics(list(view.adapted.values()))
    expected = (
        base.mean()
        + network(phi, "inductive", support).mean()
        + network(phi, "transductive", query).mean()
        + network(phi, "regulariser", weights).mean()
    )
    torch.testing.assert_close(loss(phi, view), expected)


def test_the_regulariser_sees_four_numbers_of_each_tensor():
    tensors = [torch.tensor([[3.0, -4.0], [0.0, 1.0]]).double(), torch.tensor([2.0]).double()]
    seen = weight_statistics(tensors)
    first = [0.0, math.sqrt(26 / 4), 8 / 4, math.sqrt(26 / 4)]
    torch.testing.assert_close(seen[0, :4], torch.tensor(first).double(), atol=0.01, rtol=0)
    torch.testing.assert_close(
        seen[0, 4:], torch.tensor([2.0, 0, 2, 2]).double(), atol=0.01, rtol=0
    )


def test_norms_can_be_differentiated_twice_at_zero():
    zero = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    [grad] = torch.autograd.grad(weight_statistics([zero]).sum(), zero, create_graph=True)
    [second] = torch.autograd.grad(grad.sum(), zero)
    assert grad.isfinite().all()
    assert second.isfinite().all()


def test_all_three_networks_learn():
    method = build("npbml")
    largest = gradients(method, shaken(make_params(method)))
    assert min(largest.values()) > 1e-12


def test_as_released_the_transductive_network_and_the_shared_vector_learn_nothing():
    method = build("npbml", as_released=True)
    largest = gradients(method, shaken(make_params(method)))
    idle = {name for name, size in largest.items() if not size}
    assert idle == {n for n in largest if n.startswith("loss.transductive")} | {"cone.weight"}


def test_as_released_only_the_l2_norm_of_the_weights_counts():
    weight = torch.randn(5, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    seen = weight_statistics([weight], constant=True)[0]
    assert (
        not seen[:2].sum().requires_grad
        or not torch.autograd.grad(seen[:2].sum(), weight, retain_graph=True)[0].any()
    )
    assert seen[2] == seen[3]


def test_a_transductive_loss_refuses_to_go_without_queries():
    loss = ProceduralLoss(n_way=3, n_tensors=2)
    phi = {name: value.double() for name, value in loss.init(torch.Generator()).items()}
    with pytest.raises(ValueError, match="relation"):
        loss(phi, make_view(context=None))


@pytest.mark.parametrize("layer", ["film.backbone.block4", "film.warp.backbone.block4"])
@pytest.mark.parametrize("backbone", ["conv4-32", "resnet12"])
def test_every_modulation_changes_the_predictions(layer, backbone):
    method = build("npbml", backbone=backbone, relation="prototypes")
    params, episode = make_params(method), make_episode()
    told = params | {f"{layer}.weight": torch.full_like(params[f"{layer}.weight"], 0.3)}
    before, after = method.predict(params, episode), method.predict(told, episode)
    assert not torch.allclose(before, after)


def test_a_modulation_for_the_task_mixes_the_queries_and_says_so():
    method = build("npbml[inductive]", film_mode="task")
    assert method.traits.setting == "transductive"
    params, episode = shaken(make_params(method)), make_episode()
    other = dataclasses.replace(
        episode, query=torch.cat([episode.query[:1], 1 - episode.query[1:]])
    )
    one, two = method.predict(params, episode)[0], method.predict(params, other)[0]
    assert not torch.allclose(one, two)


def test_frozen_blocks_are_normalised_by_running_averages_in_training_too():
    method = build("npbml[init]")
    params, episode = make_params(method), make_episode()
    _, seen = method.episode_loss(params, episode)
    assert not seen
    moved = params | {"backbone.block1.norm.running_mean": torch.ones(32).double()}
    assert method.episode_loss(params, episode)[0] != method.episode_loss(moved, episode)[0]


def test_more_blocks_can_move_but_not_more_than_there_are():
    method = build("npbml[init]", adapted_blocks=2)
    start = initial(method, make_params(method), make_episode())
    assert {"backbone.block3.conv.weight", "backbone.block4.conv.weight"} < start.keys()
    assert method.embedding.frozen == 2
    with pytest.raises(ConfigError, match="4 blocks, not 5"):
        build("npbml", adapted_blocks=5)


def test_inner_momentum_and_weight_decay_are_those_of_torch():
    method = build("npbml[init]", momentum=0.9, weight_decay=0.5, steps=1, lr=0.1)
    optimizer = method.optimizer
    assert (optimizer.momentum, optimizer.nesterov, optimizer.weight_decay) == (0.9, True, 0.5)


def test_prototype_relations_are_a_softmax_of_distances():
    episode = make_episode()
    generator = torch.Generator().manual_seed(0)
    support = torch.randn(len(episode.support), 7, generator=generator).double()
    query = torch.randn(len(episode.query), 7, generator=generator).double()
    shares = PrototypeRelation(2.0)({}, episode, support, query)
    for q, row in zip(query, shares, strict=True):
        centres = [support[episode.support_labels == c].mean(dim=0) for c in range(N_WAY)]
        logits = torch.stack([-(q - centre).square().sum() / 2.0 for centre in centres])
        torch.testing.assert_close(row, logits.softmax(dim=0))


class TestRelationNetwork:
    network = RelationNetwork(ImageShape(1, SIZE), widths=(8, 8, 8, 8))

    def scores(self, episode):
        return self.network.predict(make_params(self.network), episode)

    def test_a_score_depends_on_its_own_class_and_query_only(self):
        episode = make_episode()
        support, query = episode.support.clone(), episode.query.clone()
        support[episode.support_labels != 0] += 1
        query[1:] += 1
        changed = dataclasses.replace(episode, support=support, query=query)
        torch.testing.assert_close(self.scores(changed)[0, 0], self.scores(episode)[0, 0])

    @pytest.mark.parametrize("training", [True, False])
    def test_scores_are_those_of_pairs_laid_side_by_side(self, training):
        network = RelationNetwork(ImageShape(1, SIZE), (8, 8, 8, 8))
        params, episode = shaken(make_params(network)), make_episode()
        mode, own = NormMode(training), NormMode(training)
        maps = network._encoder(params, torch.cat([episode.support, episode.query]), mode, last=4)
        support, query = maps[: len(episode.support)], maps[len(episode.support) :]
        classes = [support[episode.support_labels == c].sum(dim=0) for c in range(N_WAY)]
        pairs = torch.stack([torch.cat([c, q]) for q in query for c in classes])
        expected = network._compare(params, pairs, mode) @ params["relation.score.weight"].T
        expected = expected.view(-1, N_WAY) + params["relation.score.bias"]
        scores = network._scores(params, episode, own)
        torch.testing.assert_close(scores, expected, rtol=1e-12, atol=1e-12)
        assert own.seen.keys() == mode.seen.keys()
        for name, value in mode.seen.items():
            torch.testing.assert_close(own.seen[name], value, rtol=1e-12, atol=1e-12)
        names = learned(params)
        ours, theirs = (
            torch.autograd.grad(s.square().sum(), names.values()) for s in (scores, expected)
        )
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)

    def test_the_order_of_the_support_set_does_not_matter(self):
        episode = make_episode()
        order = torch.randperm(len(episode.support), generator=torch.Generator().manual_seed(1))
        shuffled = dataclasses.replace(
            episode,
            support=episode.support[order],
            support_labels=episode.support_labels[order],
        )
        torch.testing.assert_close(self.scores(shuffled), self.scores(episode))

    def test_it_learns_to_tell_which_pairs_belong_together(self):
        params = make_params(self.network)
        optimizer = torch.optim.Adam(list(learned(params).values()), lr=3e-3)
        losses = []
        for step in range(30):
            optimizer.zero_grad()
            loss, _ = self.network.episode_loss(params, make_episode(seed=step % 3))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        always_no = 1 / N_WAY  # the best constant is 1 / N_WAY, with (1 - 1 / N_WAY) / N_WAY
        assert losses[-1] < 0.5 * always_no * (1 - always_no)
