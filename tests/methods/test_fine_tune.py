"""Fine-tuning of the whole network: known answers, and plain PyTorch as the oracle."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.inner.losses.entropy import SupportThenEntropy
from fewshot_bench.inner.optimizers.adam import Adam
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.methods.classifiers.prototypes import CosineMean
from fewshot_bench.methods.embedding import EmbeddingLearner
from fewshot_bench.methods.gradient import GradientLearner
from fewshot_bench.nn.algebra import cosines, unit
from fewshot_bench.nn.heads import prototypes, squared_distances
from fewshot_bench.nn.metric_heads import CosinePrototypeHead, PrototypeHead
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import is_buffer
from tests.methods.common import build, make_episode, make_params
from tests.methods.feature_cases import LABELS, N_WAY, QUERY, SUPPORT, close, rows
from tests.methods.flat import FLAT, fixture_a

EPISODE = make_episode()


def plain(params):
    return {name: value.detach() for name, value in params.items()}


def z18(pairs):
    loss, head = SupportThenEntropy(), CosinePrototypeHead(scale=1.0)
    return GradientLearner(FLAT, N_WAY, Adam(5e-5), loss, head, test_steps=2 * pairs, bn="running")


def test_z18_support_based_initialisation():
    expected = ".97589571 .58425442 .42453805 | .75967141 .78892752 .74708737"
    found = z18(0).predict({}, fixture_a())
    close(found[[0, 3]], rows(expected))
    log_p = found.log_softmax(dim=1)
    view = TaskView(torch.zeros(1, 3), LABELS[:1], {}, 1, found)
    assert SupportThenEntropy()({}, view).item() == pytest.approx(1.0739219223, abs=6e-11)
    assert -(log_p.exp() * log_p).sum(1).mean().item() == pytest.approx(1.0739219223, abs=6e-11)
    support = dataclasses.replace(fixture_a(), query=fixture_a().support)
    loss = F.cross_entropy(z18(0).predict({}, support), LABELS)
    assert loss.item() == pytest.approx(0.7433402604, abs=6e-11)


def test_z18_after_25_pairs_of_steps():
    expected = ".97872276 .58238452 .42193249 | .76084764 .78735891 .74541663"
    close(z18(25).predict({}, fixture_a())[[0, 3]], rows(expected))


def test_z19_proto_maml():
    learner = GradientLearner(FLAT, N_WAY, SGD(0.1), head=PrototypeHead(), test_steps=1)
    start = dataclasses.replace(learner, test_steps=0).predict({}, fixture_a())
    before = """.5575 -.195 -.24 | .3075 .685 -.28 | -.3925 .125 .94 | .3475 .295 .34"""
    after = """.56186338 -.19639004 -.24297335 | .30752834 .69006949 -.28509784
        | -.39817477 .12526767 .94540711 | .34740983 .29561671 .33947346"""
    close(start, rows(before))
    close(learner.predict({}, fixture_a()), rows(after))
    support = dataclasses.replace(fixture_a(), query=fixture_a().support)
    loss = F.cross_entropy(dataclasses.replace(learner, test_steps=0).predict({}, support), LABELS)
    assert loss.item() == pytest.approx(0.480630189, abs=6e-10)
    # Without steps it is ProtoNet but for |q|^2, which is the same for all classes (Z1).
    distances = -squared_distances(QUERY, prototypes(SUPPORT, LABELS, N_WAY))
    close(start - distances, QUERY.square().sum(dim=1, keepdim=True).expand(-1, N_WAY))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fine-tune", {"steps": 0}),
        ("transductive-fine-tune", {"epochs": 0, "scale": 10.0}),
        ("pmf", {"steps": 0}),
        ("pmf", {"lr": 0.0}),
    ],
    ids=str,
)
def test_without_steps_it_is_the_cosine_to_the_class_means(name, options):
    method = build(name, **options)
    params = plain(make_params(method))
    learner = getattr(method.method, "embedding", method.method)
    nearest = EmbeddingLearner(learner, CosineMean(scale=10.0))
    expected = nearest.predict(params, EPISODE)
    torch.testing.assert_close(method.predict(params, EPISODE), expected, rtol=1e-9, atol=1e-9)


def tuned_by_torch(method, params, steps, lr, head_lr):
    """Fine-tuning as anybody would write it; head and body are groups of one optimiser."""
    embedding, mode = method.method.embedding, NormMode(training=False)
    body = {n: v.clone().requires_grad_(not is_buffer(n)) for n, v in params.items()}
    with torch.no_grad():
        means = prototypes(embedding(params, EPISODE.support, mode), EPISODE.support_labels, 4)
    weight = unit(means).requires_grad_()
    bias = torch.zeros(4, dtype=weight.dtype, requires_grad=True)
    groups = [
        {"params": [v for v in body.values() if v.requires_grad], "lr": lr},
        {"params": [weight, bias], "lr": head_lr},
    ]
    optimizer = torch.optim.SGD(groups, lr=lr, momentum=0.9)

    def logits(images):
        return 10 * F.linear(F.normalize(embedding(body, images, mode)), weight, bias)

    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(logits(EPISODE.support), EPISODE.support_labels).backward()
        optimizer.step()
    return logits(EPISODE.query).detach()


@pytest.mark.parametrize(("adapt", "lr"), [("all", 1e-2), ("head", 0.0)])
def test_it_is_what_torch_does_with_two_groups_of_parameters(adapt, lr):
    """And without a rate for the body it is a linear head on fixed features."""
    method = build("fine-tune", steps=6, lr=lr or 1.0, head_lr=0.1, adapt=adapt)
    params = plain(make_params(method))
    before = {name: value.clone() for name, value in params.items()}
    expected = tuned_by_torch(method, params, 6, lr, 0.1)
    torch.testing.assert_close(method.predict(params, EPISODE), expected, rtol=1e-8, atol=1e-8)
    assert all(torch.equal(params[name], value) for name, value in before.items())
    start = build("fine-tune", steps=0).predict(params, EPISODE)
    assert (start - expected).abs().max() > 1e-3


def test_without_entropy_no_query_sees_another():
    method = build("transductive-fine-tune", weight=0.0, lr=1e-3)
    params = plain(make_params(method))
    fewer = dataclasses.replace(EPISODE, query=EPISODE.query[:2])
    found = method.predict(params, EPISODE)[:2]
    torch.testing.assert_close(method.predict(params, fewer), found, rtol=1e-9, atol=1e-9)


def test_the_entropy_of_the_queries_falls():
    def entropy(epochs):
        method = build("transductive-fine-tune", epochs=epochs, lr=1e-3)
        p = method.predict(plain(make_params(method)), EPISODE).softmax(dim=1)
        return -(p * p.log()).sum(dim=1).mean()

    assert entropy(10) < entropy(0) - 1e-3


def test_pmf_is_what_torch_does_with_class_means_taken_anew():
    method = build("pmf", steps=4, lr=1e-3, share=0.0)
    params = plain(make_params(method))
    learner = method.method
    body = {n: v.clone().requires_grad_(not is_buffer(n)) for n, v in params.items()}
    learned = [v for n, v in body.items() if n.startswith("backbone.") and v.requires_grad]
    optimizer = torch.optim.Adam(learned, lr=1e-3)

    def logits(images):
        means = prototypes(learner.embed(body, EPISODE.support), EPISODE.support_labels, 4)
        return body["classifier.scale"] * cosines(learner.embed(body, images), means)

    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(logits(EPISODE.support), EPISODE.support_labels).backward()
        optimizer.step()
    expected = logits(EPISODE.query).detach()
    torch.testing.assert_close(method.predict(params, EPISODE), expected, rtol=1e-6, atol=1e-6)
    assert (build("pmf", lr=0.0).predict(params, EPISODE) - expected).abs().max() > 1e-3


def test_pmf_copies_follow_from_the_images_and_the_draw():
    method = build("pmf", steps=2, lr=1e-2)
    params = plain(make_params(method))
    order = torch.tensor([3, 0, 7, 5, 1, 6, 4, 2])
    turned = dataclasses.replace(
        EPISODE, support=EPISODE.support[order], support_labels=EPISODE.support_labels[order]
    )
    found = method.predict(params, EPISODE)
    assert torch.equal(method.predict(params, EPISODE), found)
    torch.testing.assert_close(method.predict(params, turned), found, rtol=1e-6, atol=1e-6)
    other = dataclasses.replace(EPISODE, draw=1)
    assert not torch.allclose(method.predict(params, other), found)


def test_pmf_chooses_a_rate_on_what_is_held_out_where_there_is_something():
    params = plain(make_params(build("pmf")))
    options = {"steps": 3, "lr": 1e-2}
    still, moved = (build("pmf", **{**options, "lr": lr}) for lr in (0.0, 1e-2))
    choosing = build("pmf", **options, rates=(3.0, 0.0))  # the first one spoils the network
    expected = still.predict(params, EPISODE)
    assert torch.equal(choosing.predict(params, EPISODE), expected)
    assert not torch.allclose(moved.predict(params, EPISODE), expected)
    one_shot = dataclasses.replace(
        EPISODE, support=EPISODE.support[::2], support_labels=EPISODE.support_labels[::2]
    )
    assert torch.equal(choosing.predict(params, one_shot), moved.predict(params, one_shot))
