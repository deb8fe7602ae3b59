"""Loss networks: their formula, and the gradient that learns them."""

import math

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.losses.network import (
    LossNetwork,
    SmoothLeakyReLU,
    adalfl,
    ml3,
    softplus,
)
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.protocols import TaskView
from fewshot_bench.inner.unroll import unroll
from tests.inner.losses.common import DOUBLE, grad_of, random_logits

NETWORKS = {"ml3": ml3, "adalfl": adalfl}


def make_phi(loss, seed=0):
    phi = loss.init(torch.Generator().manual_seed(seed))
    return {name: value.to(DOUBLE).requires_grad_() for name, value in phi.items()}


def test_smooth_leaky_relu():
    s = SmoothLeakyReLU(leak=0.25, sharpness=2.0)
    x = torch.tensor([-400.0, 0.0, 0.7, 400.0], dtype=DOUBLE, requires_grad=True)
    bend = math.log(math.exp(2 * 0.7) + 1) / 2
    expected = [-100.0, 0.75 * math.log(2) / 2, 0.75 * bend + 0.25 * 0.7, 400.0]
    torch.testing.assert_close(s(x), torch.tensor(expected, dtype=DOUBLE))
    slope = grad_of(s(x).sum(), x)
    torch.testing.assert_close(slope[[0, 3]], torch.tensor([0.25, 1.0], dtype=DOUBLE))


def test_the_activation_has_derivatives_of_every_order_and_maps():
    s = SmoothLeakyReLU(leak=0.25, sharpness=3.0)
    x = random_logits(n=3, c=4)[0]
    assert torch.autograd.gradcheck(s, (x,))
    assert torch.autograd.gradgradcheck(s, (x,))

    def second(x):
        slope = torch.autograd.grad(s(x).sum(), x, create_graph=True)[0]
        return torch.autograd.grad(slope.sum(), x, create_graph=True)[0]

    assert torch.autograd.gradcheck(second, (x,))
    mapped = torch.func.vmap(torch.func.grad(lambda row: s(row).sum()))(x)
    torch.testing.assert_close(mapped, grad_of(s(x).sum(), x))


def test_softplus_stays_exact_where_torch_turns_linear():
    x = torch.tensor([25.0], dtype=DOUBLE)
    assert (softplus(x) - 25).item() == pytest.approx(math.exp(-25), rel=1e-3)


@pytest.mark.parametrize("inputs", ["probabilities", "logits"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_sees_one_output_at_a_time(name, inputs):
    loss = NETWORKS[name](inputs=inputs)
    phi = make_phi(loss)
    logits, labels = random_logits(n=3, c=4)
    seen = logits.softmax(1) if inputs == "probabilities" else logits
    activation = {"ml3": F.relu, "adalfl": SmoothLeakyReLU(0.01, 10.0)}[name]
    total = 0.0
    for i in range(3):
        for c in range(4):
            x = torch.stack([(labels[i] == c).to(DOUBLE), seen[i, c]])
            x = activation(phi["loss.0.weight"] @ x)
            x = activation(phi["loss.1.weight"] @ x)
            x = phi["loss.2.weight"] @ x
            total = total + (F.softplus(x) if name == "ml3" else x / 4)
    torch.testing.assert_close(loss.of_logits(phi, logits, labels), total.squeeze() / 3)


def test_sizes():
    assert [tuple(w.shape) for w in make_phi(ml3()).values()] == [(50, 2), (50, 50), (1, 50)]
    assert [tuple(w.shape) for w in make_phi(adalfl()).values()] == [(40, 2), (40, 40), (1, 40)]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradient_that_learns_the_loss_equals_finite_differences(name):
    """Two steps on the learned loss, then cross-entropy of other data: the hypergradient."""
    loss = NETWORKS[name](width=6)
    phi = make_phi(loss, seed=3)
    generator = torch.Generator().manual_seed(1)
    x, held_out = torch.randn(2, 8, 5, generator=generator, dtype=DOUBLE)
    labels = torch.randint(3, (8,), generator=generator)
    start = {"w": torch.randn(5, 3, generator=generator, dtype=DOUBLE, requires_grad=True)}

    def outer(phi):
        def inner(params, step):
            return loss(phi, TaskView(x @ params["w"], labels, params, step))

        path = unroll(inner, start, SGD(0.5), {}, n_steps=2, order=2)
        return F.cross_entropy(held_out @ list(path)[-1]["w"], labels)

    grads = dict(zip(phi, torch.autograd.grad(outer(phi), list(phi.values())), strict=True))
    h = 1e-6
    for layer, grad in grads.items():
        assert grad.abs().max() > 0
        index = tuple(torch.nonzero(grad.abs() == grad.abs().max())[0].tolist())

        def moved(by, layer=layer, index=index):
            nudged = phi[layer].detach().clone()
            nudged[index] += by
            return outer(phi | {layer: nudged.requires_grad_()}).item()

        slope = (moved(h) - moved(-h)) / (2 * h)
        assert grad[index].item() == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("c", [2, 10, 100])
def test_a_network_of_free_scale_starts_with_the_gradients_of_the_usual_loss(c):
    logits, labels = random_logits(n=8, c=c)
    network = adalfl(scale="free")
    phi = {n: v.double() for n, v in network.init(torch.Generator().manual_seed(0)).items()}
    found, expected = network.of_logits(phi, logits, labels), F.cross_entropy(logits, labels)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(grad_of(found, logits), grad_of(expected, logits))
    one_hot = F.one_hot(labels, c).double()
    rows = network.of_outputs(phi, logits.softmax(1), one_hot)
    torch.testing.assert_close(rows.mean(), expected)
    outputs, targets = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(1)).double()
    regression = adalfl(scale="free", task="regression")
    found = regression.of_outputs(phi, outputs, targets).mean()
    torch.testing.assert_close(found, F.mse_loss(outputs, targets))


def test_what_is_learned_on_a_free_scale_is_added():
    logits, labels = random_logits(n=8, c=5)
    network, draws = adalfl(scale="free", width=6), torch.Generator().manual_seed(0)
    plain = LossNetwork((6, 6), SmoothLeakyReLU(), over_classes="sum")
    phi = {n: v.double() for n, v in plain.init(draws).items()}
    found = network.of_logits(phi, logits, labels)
    expected = plain.of_logits(phi, logits, labels) + F.cross_entropy(logits, labels)
    torch.testing.assert_close(found, expected)
    with pytest.raises(ConfigError, match="sees probabilities"):
        adalfl(scale="free", inputs="logits")
