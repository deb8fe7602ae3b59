"""What a loss is told through a step with fixed slopes, against torch's own second derivatives."""

import torch
import torch.nn.functional as F

from fewshot_bench.nn.batch_norm import EPS, batch_norm
from fewshot_bench.nn.conv import conv2d, max_pool2d
from fewshot_bench.nn.fixed_slopes import fixed_slopes, slopes_are_fixed


def numbers(*shape, seed):
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn.requires_grad_()


WEIGHTS = [
    numbers(4, 3, 3, 3, seed=0),
    numbers(4, seed=1),
    numbers(4, seed=2),
    numbers(5, 4, 3, 3, seed=3),
    numbers(5, seed=4),
    numbers(5, seed=5),
]
IMAGES = numbers(2, 3, 9, 8, seed=6).detach()


def ours(first, scale, shift, second, last_scale, last_shift):
    x = max_pool2d(batch_norm(conv2d(IMAGES, first, padding=1), scale, shift)[0]).relu()
    return batch_norm(conv2d(x, second), last_scale, last_shift)[0]


def theirs(first, scale, shift, second, last_scale, last_shift):
    x = F.batch_norm(
        F.conv2d(IMAGES, first, padding=1), None, None, scale, shift, training=True, eps=EPS
    )
    x = F.max_pool2d(x, 2).relu()
    x = F.conv2d(x, second)
    return F.batch_norm(x, None, None, last_scale, last_shift, training=True, eps=EPS)


def learned(network, power):
    """Outputs, gradients, and the gradient of a function of them in the loss's own number."""
    outputs = network(*WEIGHTS)
    loss = (outputs.sigmoid() + 0.1).pow(power).sum()
    grads = torch.autograd.grad(loss, WEIGHTS, create_graph=True)
    later = sum((w - 0.1 * g).pow(3).sum() for w, g in zip(WEIGHTS, grads, strict=True))
    return outputs, grads, torch.autograd.grad(later, power)[0]


def test_what_the_loss_learns_is_what_torch_finds():
    power = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    with fixed_slopes():
        assert slopes_are_fixed()
        outputs, grads, of_power = learned(ours, power)
    expected = learned(theirs, power)
    torch.testing.assert_close(outputs, expected[0])
    torch.testing.assert_close(grads, expected[1])
    torch.testing.assert_close(of_power, expected[2], rtol=1e-10, atol=0)


def test_the_backward_pass_does_not_depend_on_weights_before_it():
    with fixed_slopes():
        outputs = ours(*WEIGHTS)
    v = numbers(*outputs.shape, seed=7)
    grads = torch.autograd.grad(outputs, WEIGHTS, v, create_graph=True)
    total = sum(g.pow(2).sum() for g in grads)
    of_v, *of_weights = torch.autograd.grad(total, [v, *WEIGHTS], allow_unused=True)
    assert of_v.abs().max() > 0
    assert all(found is None or not found.any() for found in of_weights)


def test_nothing_is_fixed_outside_or_where_it_is_not_asked_for():
    with fixed_slopes(), fixed_slopes(False):
        assert not slopes_are_fixed()
    assert not slopes_are_fixed()


def test_second_derivatives_are_torchs_outside():
    found, expected = (second_derivatives(network) for network in (ours, theirs))
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


def second_derivatives(network):
    loss = network(*WEIGHTS).sigmoid().pow(2).sum()
    grads = torch.autograd.grad(loss, WEIGHTS, create_graph=True)
    return torch.autograd.grad(sum(g.pow(2).sum() for g in grads), WEIGHTS)
