"""MAML around any module: exact meta-gradients, policies of normalisation, nothing changed."""

import copy

import pytest
import torch
import torchvision
from torch import nn

import fewshot_bench as fsb
from fewshot_bench.errors import ConfigError
from fewshot_bench.interface.learner import ModuleLearner
from fewshot_bench.methods.base import Setup
from fewshot_bench.methods.build import build_method
from fewshot_bench.nn.backbone import ImageShape
from tests.interface.test_data import SPLIT, arrays
from tests.methods.common import make_episode


def small(channels=1):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.Tanh(),
        nn.AvgPool2d(4),
        nn.Flatten(),
    )


def flat(values):
    return torch.cat([value.flatten() for value in values])


@pytest.mark.parametrize("head", ["prototypes", "linear"])
@pytest.mark.parametrize("bn", ["batch", "running"])
def test_the_meta_gradient_equals_finite_differences(head, bn):
    learner = ModuleLearner(small().double(), head=head, steps=2, lr=0.1, bn=bn, n_way=4)
    episode = make_episode()
    learner.load_state_dict({k: v.double() for k, v in learner.params(ImageShape(1, 16)).items()})
    params = list(learner.parameters(episode))
    grads = torch.autograd.grad(learner.loss(episode), params)
    generator = torch.Generator().manual_seed(3)
    direction = [torch.randn(p.shape, generator=generator).double() for p in params]

    def loss_at(t):
        with torch.no_grad():
            for p, d in zip(params, direction, strict=True):
                p.add_(t * d)
        value = learner.loss(episode).item()
        with torch.no_grad():
            for p, d in zip(params, direction, strict=True):
                p.sub_(t * d)
        return value

    h = 1e-4
    slope = (8 * (loss_at(h) - loss_at(-h)) - (loss_at(2 * h) - loss_at(-2 * h))) / (12 * h)
    exact = (flat(grads) * flat(direction)).sum().item()
    assert slope == pytest.approx(exact, rel=1e-6)


def test_no_steps_on_a_prototype_head_is_nearest_class_mean():
    net = small()
    learner = ModuleLearner(net, head="prototypes", steps=0, bn="running")
    episode = make_episode(torch.float32)
    logits = learner.adapt(episode, training=False)(episode.query)
    with torch.no_grad():
        features, support = net.eval()(episode.query), net(episode.support)
    labels = episode.support_labels
    means = torch.stack([support[labels == c].mean(dim=0) for c in range(4)])
    expected = (-torch.cdist(features, means).square()).softmax(dim=1)
    torch.testing.assert_close(logits.softmax(dim=1), expected, rtol=1e-4, atol=1e-5)


def test_running_averages_move_as_those_of_torch_and_the_module_stays():
    net = small()
    before = copy.deepcopy(net.state_dict())
    learner = ModuleLearner(net, head="prototypes", steps=0, bn="running")
    episode = make_episode(torch.float32)
    learner.loss(episode).backward()
    reference = copy.deepcopy(net).train()
    reference(episode.support)
    after = learner.state_dict()["backbone.1.running_mean"]
    assert not torch.equal(after, before["1.running_mean"])
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_policies_that_a_module_does_not_know_are_refused():
    learner = ModuleLearner(small(), bn="per_step")
    with pytest.raises(ConfigError, match="batch or running"):
        learner.adapt(make_episode(torch.float32))
    with pytest.raises(ConfigError, match="does not take images of 1 x 16 x 16"):
        ModuleLearner(small(channels=3)).adapt(make_episode(torch.float32))


def test_around_conv4_it_is_the_registered_maml():
    """The same network as stages and as a module of torch give the same adapted logits."""
    method = build_method(
        "maml", Setup("conv4-32", ImageShape(1, 16), 4), {"steps": 2, "test_steps": 2, "lr": 0.1}
    )
    params = method.init(torch.Generator().manual_seed(1))

    def block(i, channels):
        conv, norm = nn.Conv2d(channels, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
        conv.weight.data = params[f"backbone.block{i}.conv.weight"].clone()
        return [conv, norm, nn.ReLU(), nn.MaxPool2d(2)]

    net = nn.Sequential(*block(1, 1), *block(2, 32), *block(3, 32), *block(4, 32), nn.Flatten())
    learner = ModuleLearner(net, steps=2, lr=0.1, n_way=4)
    image = ImageShape(1, 16)
    state = learner.params(image) | {n: params[n] for n in ("head.weight", "head.bias")}
    learner.load_state_dict(state)
    episode = make_episode(torch.float32)
    expected = method.predict(params, episode)
    found = learner.method(image).predict(learner.params(image), episode)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_resnet18_of_torchvision_trains():
    torch.manual_seed(0)
    data = fsb.from_arrays(*arrays(), SPLIT)
    learner = fsb.gradient_learner(
        torchvision.models.resnet18(num_classes=16), head="prototypes", steps=1, lr=0.01
    )
    options = {"n_way": 2, "n_query": 2, "meta_batch": 1, "val_every": 2, "val_episodes": 2}
    trained = fsb.train(learner, data, steps=2, **options)
    assert 0 <= trained.accuracy <= 1
    result = fsb.evaluate(learner, data.test, n_way=2, n_query=2, episodes=4, name="resnet")
    assert result.document.checkpoint.n_params > 11_000_000
    assert result.document.method.setting == "transductive_bn"
