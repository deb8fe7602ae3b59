"""Networks for supervised training against torch's own layers."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import is_buffer
from fewshot_bench.supervised.data import Examples
from fewshot_bench.supervised.models import MODELS, build_model
from tests.supervised.common import make_data

TRAINING, TEST = NormMode(training=True), NormMode(training=False)


def image_data(size=16, classes=4):
    part = Examples(torch.randn(6, 1, size, size), torch.arange(6) % classes)
    return dataclasses.replace(make_data(), n_outputs=classes, train=part, val=part, test=part)


@pytest.mark.parametrize("name", [*MODELS, "conv4-32", "resnet12"])
def test_outputs_have_one_column_per_class_and_every_parameter_counts(name):
    data = image_data()
    model = build_model(name, data)
    params = model.init(torch.Generator().manual_seed(0))
    params = {n: p.requires_grad_(not is_buffer(n)) for n, p in params.items()}
    outputs = model(params, data.train.inputs, TRAINING)
    assert outputs.shape == (6, 4)
    learned = [p for n, p in params.items() if not is_buffer(n)]
    loss = F.cross_entropy(outputs, data.train.targets)
    assert all(grad.abs().max() > 0 for grad in torch.autograd.grad(loss, learned))


@pytest.mark.parametrize("name", [*MODELS, "conv4-32"])
def test_predictions_do_not_depend_on_the_rest_of_the_batch(name):
    data = image_data()
    model = build_model(name, data)
    params = model.init(torch.Generator().manual_seed(0))
    together = model(params, data.test.inputs, TEST)
    torch.testing.assert_close(model(params, data.test.inputs[:1], TEST), together[:1])


def test_mlp_and_lenet_are_those_of_torch():
    data = image_data(size=8)
    for name, reference in (("mlp-128", reference_mlp()), ("lenet5", reference_lenet())):
        model = build_model(name, data)
        params = model.init(torch.Generator().manual_seed(0))
        theirs = dict(zip(dict(reference.named_parameters()), params.values(), strict=True))
        reference.load_state_dict(theirs)
        found = model(params, data.test.inputs, TEST)
        torch.testing.assert_close(found, reference(data.test.inputs))


def reference_mlp():
    nn = torch.nn
    return nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()),
        nn.Linear(128, 4),
    )


def reference_lenet():
    nn = torch.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        *(nn.Linear(64, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 4)),
    )


def test_networks_that_do_not_fit_are_named():
    with pytest.raises(ConfigError, match="lenet5 is for images, which rule is not"):
        build_model("lenet5", make_data())
    with pytest.raises(ConfigError, match="conv4 needs images of at least 16 pixels"):
        build_model("conv4-32", image_data(size=8))
    with pytest.raises(ConfigError, match="lenet5 needs images of at least 4 pixels"):
        build_model("lenet5", image_data(size=2))
    with pytest.raises(ConfigError, match=r"unknown backbone 'mpl'.*also: linear, mlp, mlp-128"):
        build_model("mpl", image_data())
    with pytest.raises(ConfigError, match="unknown backbone 'mpl'"):
        build_model("mpl", make_data())
