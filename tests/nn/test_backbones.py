"""Every registered backbone: contract, and equality with a plain torch.nn network."""

import pytest
import torch
from torch import nn

from fewshot_bench.errors import ConfigError
from fewshot_bench.nn.backbone import ImageShape, build_backbone
from fewshot_bench.nn.norm import NormMode
from fewshot_bench.nn.params import trainable
from fewshot_bench.registry import BACKBONES

OWN = [entry.name for entry in BACKBONES if entry.target.startswith("fewshot_bench.nn.")]
NAMES = [name for name in OWN if ":" not in name and name != "features"]
MODE = NormMode(training=True)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", NAMES)
def test_contract(name):
    backbone = build_backbone(name, ImageShape(3, 32), bn="running")
    params = backbone.init(generator())
    x = torch.randn(4, 3, 32, 32, generator=generator(1))
    features = backbone(params, x, MODE)
    assert features.shape == (4, backbone.feature_dim)
    assert all(key.startswith("backbone.block") for key in params)
    again = backbone.init(generator())
    assert all(torch.equal(params[key], again[key]) for key in params)
    half = backbone(params, x, MODE, last=2)
    torch.testing.assert_close(backbone(params, half, MODE, first=2), features)
    assert len({stage.name for stage in backbone.stages}) == len(backbone.stages)


def plain_conv4(params, width):
    blocks, channels = [], 1
    for i in range(1, 5):
        conv, bn = nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        conv.weight.data = params[f"backbone.block{i}.conv.weight"]
        bn.weight.data = params[f"backbone.block{i}.norm.weight"]
        bn.bias.data = params[f"backbone.block{i}.norm.bias"]
        blocks += [conv, bn, nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*blocks, nn.Flatten())


def shake(params):
    """Affine parameters that are not the identity, so that a swapped pair would show."""
    for key, value in trainable(params).items():
        value += 0.3 * torch.randn(value.shape, generator=generator(len(key)), dtype=value.dtype)


@pytest.mark.parametrize("size", [28, 33, 84])
def test_conv4_is_the_usual_network(size):
    backbone = build_backbone("conv4-32", ImageShape(1, size))
    params = {k: v.double() for k, v in backbone.init(generator()).items()}
    shake(params)
    x = torch.randn(5, 1, size, size, generator=generator(2)).double()
    expected = plain_conv4(params, 32).double()(x)
    torch.testing.assert_close(backbone(params, x, MODE), expected, rtol=1e-10, atol=1e-10)


class PlainResidual(nn.Module):
    def __init__(self, params, name, cin, cout):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(cout if i else cin, cout, 3, padding=1, bias=False) for i in range(3)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(cout) for _ in range(3))
        self.short = nn.Sequential(nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout))
        for i in range(3):
            self.convs[i].weight.data = params[f"{name}.conv{i + 1}.weight"]
            self.norms[i].weight.data = params[f"{name}.norm{i + 1}.weight"]
            self.norms[i].bias.data = params[f"{name}.norm{i + 1}.bias"]
        self.short[0].weight.data = params[f"{name}.shortcut.weight"]
        self.short[1].weight.data = params[f"{name}.shortcut_norm.weight"]
        self.short[1].bias.data = params[f"{name}.shortcut_norm.bias"]

    def forward(self, x):
        act, y = nn.LeakyReLU(0.1), x
        for i in range(3):
            y = self.norms[i](self.convs[i](y))
            y = act(y) if i < 2 else y
        return nn.functional.max_pool2d(act(y + self.short(x)), 2)


def test_resnet12_is_the_usual_network():
    backbone = build_backbone("resnet12", ImageShape(3, 16))
    params = {k: v.double() for k, v in backbone.init(generator()).items()}
    shake(params)
    widths = (3, 64, 128, 256, 512)
    plain = nn.Sequential(
        *(
            PlainResidual(params, f"backbone.block{i + 1}", widths[i], widths[i + 1])
            for i in range(4)
        )
    ).double()
    x = torch.randn(3, 3, 16, 16, generator=generator(1)).double()
    expected = plain(x).mean(dim=(2, 3))
    torch.testing.assert_close(backbone(params, x, MODE), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["conv4-64", "resnet12"])
def test_too_small_images_and_unknown_policies_are_refused(name):
    with pytest.raises(ConfigError, match="at least 16 pixels"):
        build_backbone(name, ImageShape(1, 14))
    with pytest.raises(ConfigError, match="bn must be one of"):
        build_backbone(name, ImageShape(1, 28), bn="group")
