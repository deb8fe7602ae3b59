"""Batch normalisation policies against torch's own layer."""

import pytest
import torch
from torch import nn

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.norm import NormMode, blend, check_policy, init_norm, norm


def data(seed=0):
    return 3 + 2 * torch.randn(6, 4, 5, 5, generator=torch.Generator().manual_seed(seed))


def test_running_follows_torch_through_training_and_test():
    layer, params = nn.BatchNorm2d(4), init_norm("n", 4, "running")
    for seed in range(5):
        x = data(seed)
        mode = NormMode(training=True)
        torch.testing.assert_close(norm(params, "n", x, mode), layer(x))
        blend(params, mode.seen)
    torch.testing.assert_close(params["n.running_mean"], layer.running_mean)
    torch.testing.assert_close(params["n.running_var"], layer.running_var)
    layer.eval()
    torch.testing.assert_close(norm(params, "n", data(9), NormMode(training=False)), layer(data(9)))


def test_batch_has_no_buffers_and_never_looks_at_the_mode():
    params = init_norm("n", 4, "batch")
    assert params.keys() == {"n.weight", "n.bias"}
    trained, tested = (norm(params, "n", data(), NormMode(training=t)) for t in (True, False))
    assert torch.equal(trained, tested)


def test_per_step_keeps_a_row_for_each_step():
    params = init_norm("n", 4, "per_step", n_steps=3)
    mode = NormMode(training=True, step=1)
    norm(params, "n", data(), mode)
    blend(params, mode.seen)
    moved = (params["n.running_mean"] != 0).any(dim=1)
    assert moved.tolist() == [False, True, False]
    beyond = norm(params, "n", data(), NormMode(training=False, step=7))
    assert torch.equal(beyond, norm(params, "n", data(), NormMode(training=False, step=2)))


def test_an_unknown_policy_is_named():
    with pytest.raises(ConfigError, match="batch, joint, joint_steps, support, running, per_step"):
        check_policy("layer")
