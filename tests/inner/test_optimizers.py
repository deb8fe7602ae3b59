"""Inner optimisers against torch.optim and against their formulas."""

import pytest
import torch

from fewshot_bench.errors import ConfigError
from fewshot_bench.inner.optimizers.adam import Adam, safe_sqrt
from fewshot_bench.inner.optimizers.alfa import GeneratedRates
from fewshot_bench.inner.optimizers.clip import NormClip
from fewshot_bench.inner.optimizers.curvature import Curvature
from fewshot_bench.inner.optimizers.element_rates import ElementRates
from fewshot_bench.inner.optimizers.gap import (
    ScaleSingularValues,
    SingularScales,
    singular_scales,
)
from fewshot_bench.inner.optimizers.layer_step_rates import LayerStepRates
from fewshot_bench.inner.optimizers.masks import RowMasks
from fewshot_bench.inner.optimizers.sgd import SGD
from fewshot_bench.inner.optimizers.transform import Transformed
from fewshot_bench.inner.unroll import unroll

STEPS = 5


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


CONVOLUTIONS = frozenset({"conv.weight"})


def network():
    shapes = {"conv.weight": (4, 2, 3, 3), "fc.weight": (3, 4), "fc.bias": (3,)}
    return {name: torch.randn(s, generator=generator(1)).double() for name, s in shapes.items()}


def objective(params, step):
    """Not quadratic, and another one in every step."""
    return sum((value * (step + 1)).sin().sum() + (value**4).sum() for value in params.values())


def doubled(omega):
    return {name: value.double().requires_grad_() for name, value in omega.items()}


def run(optimizer, start, omega=None, order=2, steps=STEPS):
    omega = doubled(optimizer.init(start, generator())) if omega is None else omega
    return list(unroll(objective, start, optimizer, omega, n_steps=steps, order=order)), omega


def torch_run(make, start):
    params = {name: value.detach().clone().requires_grad_() for name, value in start.items()}
    optimizer = make(list(params.values()))
    for step in range(STEPS):
        optimizer.zero_grad()
        torch.autograd.backward(objective(params, step))
        optimizer.step()
    return params


@pytest.mark.parametrize("order", [0, 2])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.1},
        {"momentum": 0.7, "nesterov": True, "weight_decay": 0.05},
    ],
)
def test_sgd_is_that_of_torch(options, order):
    path, _ = run(SGD(0.02, **options), network(), order=order)
    expected = torch_run(lambda params: torch.optim.SGD(params, lr=0.02, **options), network())
    for name, value in expected.items():
        torch.testing.assert_close(path[-1][name].detach(), value.detach(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("beta1", [0.0, 0.9])
def test_adam_is_that_of_torch(beta1):
    path, _ = run(Adam(0.01, beta1), network())
    expected = torch_run(
        lambda params: torch.optim.Adam(params, lr=0.01, betas=(beta1, 0.999)), network()
    )
    for name, value in expected.items():
        torch.testing.assert_close(path[-1][name].detach(), value.detach(), rtol=1e-10, atol=1e-10)


def test_adam_can_be_differentiated_where_a_gradient_is_zero():
    start = {"w": torch.zeros(3, dtype=torch.float64, requires_grad=True)}
    path = list(unroll(lambda p, _: (p["w"] ** 2).sum(), start, Adam(), {}, n_steps=2, order=2))
    [grad] = torch.autograd.grad(path[-1]["w"].sum(), [start["w"]])
    assert grad.isfinite().all()
    assert safe_sqrt(torch.tensor([0.0, 4.0])).tolist() == [0.0, 2.0]


def test_nesterov_without_momentum_is_refused():
    with pytest.raises(ConfigError, match="nesterov needs momentum"):
        SGD(nesterov=True)


def test_momentum_is_differentiated_exactly():
    start = {name: value.requires_grad_() for name, value in network().items()}
    optimizer = SGD(0.02, momentum=0.9, nesterov=True, weight_decay=0.01)

    def end(*values):
        path, _ = run(optimizer, dict(zip(start, values, strict=True)), steps=3)
        return sum(value.sum() for value in path[-1].values())

    assert torch.autograd.gradcheck(end, tuple(start.values()), fast_mode=True)


OPTIMIZERS = {
    "element rates": ElementRates(),
    "layer and step rates": LayerStepRates(0.01, n_steps=STEPS),
    "generated rates": GeneratedRates(0.01, n_steps=STEPS, exact=True),
    "curvature": Transformed(Curvature(), SGD(0.01, momentum=0.5)),
    "singular scales": Transformed(SingularScales(CONVOLUTIONS, exact=True), SGD(0.01)),
    "row scales": Transformed(
        SingularScales(CONVOLUTIONS, approximate=True), LayerStepRates(0.01, STEPS)
    ),
    "soft masks": Transformed(RowMasks(CONVOLUTIONS, hard=False), SGD(0.01)),
    "two transforms": Transformed(
        Curvature(), Transformed(RowMasks(CONVOLUTIONS, hard=False), SGD(0.01))
    ),
}


def test_masks_behind_another_transform_are_drawn_for_the_task_too():
    assert OPTIMIZERS["two transforms"].draws
    assert not OPTIMIZERS["row scales"].draws


def test_long_gradients_are_shortened_and_short_ones_pass():
    grads = {"a": torch.tensor([3.0, 0.0]), "b": torch.tensor([[4.0]])}
    assert all(torch.equal(NormClip(5.0)({}, grads, {})[name], g) for name, g in grads.items())
    half = NormClip(2.5)({}, grads, {})
    assert half["a"].tolist() == [1.5, 0.0]
    assert half["b"].tolist() == [[2.0]]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_clipping_has_a_finite_derivative(scale):
    def clipped(x):
        return NormClip(0.7)({}, {"x": x}, {})["x"]

    one = torch.eye(6).double()
    start = (scale * torch.randn(6, generator=generator()).double()).requires_grad_()
    grad = torch.func.jacrev(clipped)(start)
    length = start.detach().norm()
    direction = start.detach() / length
    across = one - torch.outer(direction, direction)
    expected = one if length < 0.7 else 0.7 / length * across
    torch.testing.assert_close(grad, expected, rtol=1e-9, atol=1e-15)
    assert torch.equal(torch.func.jacrev(clipped)(0 * start), one)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_learned_gets_its_exact_gradient(name):
    optimizer, start = OPTIMIZERS[name], network()
    omega = doubled(optimizer.init(start, generator()))
    assert all(key.startswith("optimizer.") for key in omega)
    noise = generator(2)
    leaves = tuple(
        (value + 0.1 * torch.rand(value.shape, generator=noise)).detach().requires_grad_()
        for value in omega.values()
    )

    def end(*values):
        path, _ = run(optimizer, start, dict(zip(omega, values, strict=True)), steps=2)
        return sum(value.sin().sum() for value in path[-1].values())

    assert torch.autograd.gradcheck(end, leaves, fast_mode=True, atol=1e-6)
    assert all(g.abs().max() > 1e-12 for g in torch.autograd.grad(end(*leaves), leaves))


def test_a_rate_of_one_layer_and_step_moves_that_layer_in_that_step():
    start, optimizer = network(), LayerStepRates(0.0, n_steps=2)
    omega = doubled(optimizer.init(start, generator()))
    with torch.no_grad():
        omega["optimizer.rate.fc.bias"][1] = 0.1
    path, _ = run(optimizer, start, omega, steps=3)
    assert all(torch.equal(path[0][name], start[name]) for name in start)
    assert torch.equal(path[1]["fc.weight"], start["fc.weight"])
    assert not torch.equal(path[1]["fc.bias"], start["fc.bias"])
    assert not torch.equal(path[2]["fc.bias"], path[1]["fc.bias"])  # the last row goes on


def test_curvature_multiplies_each_mode():
    start = network()
    grads = {
        name: torch.randn(v.shape, generator=generator(4)).double() for name, v in start.items()
    }
    omega = Curvature().init(start, generator())
    omega = {
        n: torch.randn(v.shape, generator=generator(len(n))).double() for n, v in omega.items()
    }
    out = Curvature()(omega, grads, {})
    key = "optimizer.curvature."
    m, c, f = (omega[f"{key}conv.weight.{mode}"] for mode in ("out", "in", "filter"))
    flat = grads["conv.weight"].flatten(2)
    expected = torch.einsum("ab,cd,ef,bde->acf", m, c.T, f, flat)
    torch.testing.assert_close(out["conv.weight"].flatten(2), expected)
    m, c = (omega[f"{key}fc.weight.{mode}"] for mode in ("out", "in"))
    torch.testing.assert_close(out["fc.weight"], m @ grads["fc.weight"] @ c)
    torch.testing.assert_close(out["fc.bias"], omega[f"{key}fc.bias.element"] * grads["fc.bias"])


def test_an_orthogonal_curvature_keeps_the_length_of_a_gradient():
    grads = {"fc.weight": network()["fc.weight"]}
    omega = {
        f"optimizer.curvature.fc.weight.{mode}": torch.linalg.qr(
            torch.randn(n, n, generator=generator(n)).double()
        ).Q
        for mode, n in (("out", 3), ("in", 4))
    }
    turned = Curvature()(omega, grads, {})["fc.weight"]
    torch.testing.assert_close(turned.norm(), grads["fc.weight"].norm())
    assert not torch.allclose(turned, grads["fc.weight"])


@pytest.mark.parametrize("shape", [(3, 2, 2, 2), (9, 1, 2, 2)])
@pytest.mark.parametrize("exact", [True, False])
def test_singular_values_are_rescaled(shape, exact):
    grad = torch.randn(shape, generator=generator()).double()
    scales = torch.tensor([3.0, 0.5, 2.0, 1.5][: min(grad.flatten(1).shape)]).double()
    out = SingularScales(frozenset(), exact=exact)({}, {"w": grad, "bias": grad[0]}, {"w": scales})
    before, after = (torch.linalg.svdvals(g.flatten(1)) for g in (grad, out["w"]))
    torch.testing.assert_close(after, (scales * before).sort(descending=True).values)
    assert torch.equal(out["bias"], grad[0])


@pytest.mark.parametrize("as_released", [False, True])
@pytest.mark.parametrize("shape", [(3, 2, 2, 2), (9, 1, 2, 2)])
def test_the_singular_vectors_that_count_as_constants(shape, as_released):
    """P G with P of the left vectors, or G P with P of the right ones where G is tall."""
    grad = torch.randn(shape, generator=generator()).double().requires_grad_()
    scales = torch.rand(min(grad.flatten(1).shape), generator=generator(1)).double()
    out = SingularScales(frozenset(), as_released=as_released)({}, {"w": grad}, {"w": scales})["w"]
    matrix = grad.flatten(1)
    u, _, vt = torch.linalg.svd(matrix.detach(), full_matrices=False)
    right = matrix @ vt.T @ torch.diag(scales) @ vt
    left = u @ torch.diag(scales) @ u.T @ matrix
    expected = right if shape[0] == 9 and not as_released else left
    torch.testing.assert_close(out.flatten(1), expected)
    weights = torch.randn(expected.shape, generator=generator(2)).double()
    gradients = [
        torch.autograd.grad((value.flatten(1) * weights).sum(), [grad], retain_graph=True)[0]
        for value in (out, expected, left, right)
    ]
    torch.testing.assert_close(gradients[0], gradients[1])
    assert not torch.allclose(gradients[2], gradients[3])


def test_gap_is_exact_or_as_released():
    with pytest.raises(ConfigError, match="set one of exact and as_released"):
        singular_scales(CONVOLUTIONS, exact=True, as_released=True)


def test_scaling_singular_values_is_differentiated_exactly():
    matrix = torch.randn(4, 6, generator=generator()).double().requires_grad_()
    scales = torch.rand(4, generator=generator(1)).double().requires_grad_()
    assert torch.autograd.gradcheck(ScaleSingularValues.apply, (matrix, scales))


def test_singular_values_that_meet_or_vanish_leave_finite_gradients():
    matrix = torch.zeros(3, 4, dtype=torch.float64)
    matrix[0, 0] = matrix[1, 1] = 1.0
    matrix.requires_grad_()
    scales = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    [grad] = torch.autograd.grad(ScaleSingularValues.apply(matrix, scales).sum(), [matrix])
    assert grad.isfinite().all()


def test_masks_are_binary_and_follow_their_logits():
    start, masks = network(), RowMasks(CONVOLUTIONS)
    omega = doubled(masks.init(start, generator()))
    assert omega.keys() == {"optimizer.mask.conv.weight"}
    drawn = [masks.prepare(omega, start, generator(s))["conv.weight"] for s in range(400)]
    assert set(torch.stack(drawn).unique().tolist()) == {0.0, 1.0}
    with torch.no_grad():
        omega["optimizer.mask.conv.weight"].fill_(1.0)
    drawn = [masks.prepare(omega, start, generator(s))["conv.weight"] for s in range(400)]
    assert torch.stack(drawn).mean().item() == pytest.approx(
        torch.sigmoid(torch.tensor(1.0)).item(), abs=0.04
    )


@pytest.mark.parametrize("exact", [False, True])
def test_what_rates_are_told_of_gradients_is_a_constant_unless_exact(exact):
    """Against the step written out, its generator with the means of the gradients held or not."""
    start = {n: v.requires_grad_() for n, v in network().items()}
    optimizer = GeneratedRates(0.1, n_steps=1, exact=exact)
    omega = doubled(optimizer.init(start, generator()))
    with torch.no_grad():
        omega["optimizer.generator.out.weight"].normal_(generator=generator(5))
    path, _ = run(optimizer, start, omega, steps=1)
    names = sorted(start)
    loss = objective(start, 0)
    slopes = torch.autograd.grad(loss, [start[n] for n in names], create_graph=True)
    grads = dict(zip(names, slopes, strict=True))
    means = torch.stack([grads[n].mean() for n in names])
    told = torch.cat(
        [torch.stack([start[n].mean() for n in names]), means if exact else means.data]
    )
    at = {n.removeprefix("optimizer.generator."): v for n, v in omega.items()}
    hidden = (at["hidden.weight"] @ told + at["hidden.bias"]).clamp(min=0)
    made = at["out.weight"] @ hidden + at["out.bias"]
    wanted = {
        n: (1 - omega[f"optimizer.decay.{n}"][0] * made[len(names) + i]) * start[n]
        - omega[f"optimizer.rate.{n}"][0] * made[i] * grads[n]
        for i, n in enumerate(names)
    }
    for name in names:
        torch.testing.assert_close(path[0][name], wanted[name], rtol=1e-12, atol=1e-12)
    of_step, of_plain = (
        torch.autograd.grad(sum(v.sin().sum() for v in p.values()), [start[n] for n in names])
        for p in (path[0], wanted)
    )
    for one, other in zip(of_step, of_plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_generated_rates_do_not_depend_on_the_order_of_names():
    start, optimizer = network(), GeneratedRates(0.1, n_steps=STEPS)
    path, omega = run(optimizer, start)
    again, _ = run(optimizer, dict(reversed(start.items())), omega)
    for name, value in path[-1].items():
        assert torch.equal(again[-1][name], value)


def test_adam_in_place_goes_where_torch_goes():
    start = torch.randn(3, 4, generator=generator(2)).double()
    free = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([free], lr=0.05)
    for _ in range(STEPS):
        optimizer.zero_grad()
        free.sin().sum().backward()
        optimizer.step()
    kept = start.clone()
    found = Adam(lr=0.05).descend(lambda x: x.cos(), start, STEPS)
    torch.testing.assert_close(found, free.detach(), rtol=0, atol=1e-14)
    assert torch.equal(start, kept)
