"""Our normalisation against torch's, and its derivatives against finite differences."""

import torch
import torch.nn.functional as F

from fewshot_bench.nn.batch_norm import EPS, batch_norm


def inputs(shape=(3, 4, 5, 6), dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    x = 2 + 3 * torch.randn(shape, generator=generator, dtype=dtype)
    weight, bias = torch.randn(2, shape[1], generator=generator, dtype=dtype)
    x = x.to(memory_format=torch.channels_last)
    return [value.requires_grad_() for value in (x, weight, bias)]


def second_derivatives(normalise, x, weight, bias):
    """Of a scalar made of the gradient, as an outer loop differentiates an inner step."""
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(x.shape, generator=generator).to(x)
    loss = (normalise(x, weight, bias).pow(2) * weights).sum()
    grads = torch.autograd.grad(loss, (x, weight, bias), create_graph=True)
    return torch.autograd.grad(sum(g.pow(3).sum() for g in grads), (x, weight, bias))


def test_values_and_statistics_are_those_of_torch():
    x, weight, bias = inputs()
    y, mean, scale = batch_norm(x, weight, bias)
    expected = F.batch_norm(x, None, None, weight, bias, training=True, eps=EPS)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(mean, x.mean(dim=(0, 2, 3)))
    var = x.var(dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(scale, (var + EPS).rsqrt())
    assert not mean.requires_grad
    assert not scale.requires_grad


def test_first_and_second_derivatives_equal_finite_differences():
    def cubed(*values):
        return batch_norm(*values)[0].pow(3)

    assert torch.autograd.gradcheck(cubed, inputs())
    assert torch.autograd.gradgradcheck(cubed, inputs())


def test_second_derivatives_are_those_of_torch():
    def theirs(x, weight, bias):
        return F.batch_norm(x, None, None, weight, bias, training=True, eps=EPS)

    values = inputs()
    ours = second_derivatives(lambda *v: batch_norm(*v)[0], *values)
    for grad, expected in zip(ours, second_derivatives(theirs, *values), strict=True):
        torch.testing.assert_close(grad, expected, rtol=1e-9, atol=1e-9)


def test_a_map_over_tasks_gives_the_same():
    x, weight, bias = inputs((6, 4, 5, 5))
    tasks = x.detach().unflatten(0, (2, 3))
    mapped = torch.func.vmap(lambda task: batch_norm(task, weight, bias))(tasks)
    for one, task in enumerate(tasks):
        for value, expected in zip(mapped, batch_norm(task, weight, bias), strict=True):
            torch.testing.assert_close(value[one], expected)
