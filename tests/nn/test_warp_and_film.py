"""Warp and FiLM layers: identity at the start, in their place, for every backbone."""

import pytest
import torch

from fewshot_bench.nn.backbone import ImageShape, build_backbone
from fewshot_bench.nn.film import Modulated
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import subset
from fewshot_bench.nn.warp import WarpedBlock, WarpedConvs

MODE = NormMode(training=True)
WRAPS = {
    "t-net": WarpedConvs,
    "warpgrad": WarpedBlock,
    "film": lambda stage: Modulated(stage, context=7),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def case(backbone, wrap):
    plain = build_backbone(backbone, ImageShape(3, 16))
    wrapped = plain.wrapped(WRAPS[wrap])
    params = wrapped.init(generator())
    params |= wrapped.task_params(params)
    x = torch.randn(4, 3, 16, 16, generator=generator(1))
    return plain, wrapped, params, x


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("backbone", ["conv4-32", "resnet12"])
def test_they_start_as_identity_and_draw_nothing_from_the_blocks_numbers(backbone, wrap):
    plain, wrapped, params, x = case(backbone, wrap)
    torch.testing.assert_close(wrapped(params, x, MODE), plain(params, x, MODE))
    assert [s.name for s in wrapped.stages] == [s.name for s in plain.stages]
    assert [s.out_channels for s in wrapped.stages] == [s.out_channels for s in plain.stages]
    if wrap != "film":
        alone = plain.init(generator())
        assert all(torch.equal(params[name], value) for name, value in alone.items())


@pytest.mark.parametrize(("backbone", "convs"), [("conv4-32", 4), ("resnet12", 16)])
def test_every_convolution_or_every_block_has_a_warp(backbone, convs):
    for wrap, count in (("t-net", convs), ("warpgrad", 4)):
        _, wrapped, params, x = case(backbone, wrap)
        warps = subset(params, "warp")
        assert len(warps) == count
        before = wrapped(params, x, MODE)
        for name, weight in warps.items():
            noise = 0.3 * torch.randn(weight.shape, generator=generator(2))
            after = wrapped(params | {name: weight + noise}, x, MODE)
            assert not torch.allclose(after, before), name


def test_a_warp_comes_between_convolution_and_normalisation():
    plain, wrapped, params, x = case("conv4-32", "t-net")
    name = "warp.backbone.block1.conv.weight"
    params[name] = torch.randn(params[name].shape, generator=generator(3))
    conv = "backbone.block1.conv.weight"
    product = torch.einsum("ab,bcij->acij", params[name][:, :, 0, 0], params[conv])
    expected = plain(
        params | {name: params[name] * 0 + torch.eye(32)[..., None, None], conv: product}, x, MODE
    )
    torch.testing.assert_close(wrapped(params, x, MODE), expected, rtol=1e-4, atol=1e-4)


def test_film_scales_and_shifts_each_channel_in_front_of_the_activation():
    _, wrapped, params, x = case("conv4-32", "film")
    stage = wrapped.stages[0]
    params["film.backbone.block1.bias"][:32] = -1.0  # a scale of zero leaves the shift alone
    shift = torch.randn(32, generator=generator(4))
    params["film.backbone.block1.bias"][32:] = shift
    out = stage(params, x, MODE)
    torch.testing.assert_close(out, shift.relu().view(1, 32, 1, 1).expand(out.shape))
