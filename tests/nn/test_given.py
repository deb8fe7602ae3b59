"""Networks by name: the features of the module itself, weights of any file, identity by both."""

import subprocess
import sys
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

from fewshot_bench.errors import CheckpointError, ConfigError
from fewshot_bench.nn.backbone import BackboneChoice, ImageShape, build_backbone
from fewshot_bench.nn.given.backbone import given_identity, image_record, note_on, open_given
from fewshot_bench.nn.norm import NormMode
from tests.given import images, random_network, saved

AT_TEST = NormMode(training=False)


def by_module(network, x, size, mode="bilinear"):
    """What the module gives when it is called by itself."""
    with torch.no_grad():
        return network(F.interpolate(x, (size, size), mode=mode, antialias=True))


def features(choice, x, **options):
    shape = ImageShape(x.shape[1], x.shape[2])
    backbone = build_backbone(choice, shape, bn="running", **options)
    params = backbone.init(torch.Generator().manual_seed(0))
    with torch.no_grad():
        return backbone(params, x, AT_TEST), params


def test_resnet18_gives_the_features_of_the_module(tmp_path):
    network = random_network(1)
    choice = BackboneChoice("torchvision:resnet18", str(saved(tmp_path / "w.pth", network)), 64)
    network.fc = nn.Identity()
    x = images(5, 32)
    wanted = by_module(network, x, 64)
    fixed, none = features(choice, x, trains=False)
    moving, params = features(choice, x)
    assert wanted.shape == (5, 512)
    assert wanted.std() > 0.1
    torch.testing.assert_close(fixed, wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(moving, wanted, rtol=0, atol=1e-6)
    assert none == {}  # nothing could train them
    assert sum(p.numel() for n, p in params.items() if "running" not in n) == 11_176_512


def test_images_of_the_right_size_are_taken_as_they_are(tmp_path):
    network = random_network(2)
    choice = BackboneChoice("torchvision:resnet18", str(saved(tmp_path / "w.pth", network)), 48)
    network.fc = nn.Identity()
    x = images(3, 48)
    with torch.no_grad():
        torch.testing.assert_close(features(choice, x, trains=False)[0], network(x), rtol=0, atol=0)


def test_vit_b_16_gives_the_features_of_the_module(tmp_path):
    network = random_network(3, "vit_b_16")
    path = saved(tmp_path / "w.pth", network)
    choice = BackboneChoice("torchvision:vit_b_16", str(path))
    network.heads = nn.Identity()
    x = images(2, 32)
    wanted = by_module(network, x, 224)
    assert image_record(choice).size == 224
    assert wanted.shape == (2, 768)
    torch.testing.assert_close(features(choice, x, trains=False)[0], wanted, rtol=0, atol=1e-6)


def test_a_vit_of_timm_gives_the_features_of_the_module(tmp_path):
    timm = pytest.importorskip("timm")
    name = "vit_tiny_patch16_224"
    network = timm.create_model(name, pretrained=False).eval()
    choice = BackboneChoice(f"timm:{name}", str(saved(tmp_path / "w.pth", network, "module.")))
    network.reset_classifier(0)
    x = images(2, 32)
    wanted = by_module(network, x, 224, "bicubic")
    record = image_record(choice)
    assert (record.size, record.channels, record.mean) == (224, 3, (0.5, 0.5, 0.5))
    torch.testing.assert_close(features(choice, x, trains=False)[0], wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("prefix", "wrap"),
    [("module.", None), ("model.", "state_dict"), ("module.model.", "state_dict"), ("", "model")],
)
def test_wrappers_of_training_scripts_are_taken_off(tmp_path, prefix, wrap):
    network = random_network(4)
    path = saved(tmp_path / "w.pth", network, prefix, wrap)
    choice = BackboneChoice("torchvision:resnet18", str(path), 32)
    module = open_given(choice).network.module
    assert torch.equal(module.conv1.weight, network.conv1.weight)
    assert torch.equal(module.layer4[1].bn2.running_var, network.layer4[1].bn2.running_var)
    assert note_on(open_given(choice)) == ""  # the classifier was taken off, so its names may go


def test_parts_that_the_network_does_not_have_are_named(tmp_path):
    state = {f"model.{k}": v for k, v in random_network(5).state_dict().items()}
    state |= {"criterion.weight": torch.zeros(2), "model.projector.bias": torch.zeros(3)}
    torch.save({"state_dict": state}, tmp_path / "w.ckpt")
    opened = open_given(BackboneChoice("torchvision:resnet18", str(tmp_path / "w.ckpt"), 32))
    assert note_on(opened) == (
        "names in w.ckpt that the network does not have are left out:"
        " 2 (projector.bias, criterion.weight)"
    )


def test_weights_of_another_architecture_are_refused_with_the_names(tmp_path):
    larger = saved(tmp_path / "r34.pth", random_network(6, "resnet34"))
    with pytest.raises(CheckpointError) as caught:  # all names of resnet18 are there
        open_given(BackboneChoice("torchvision:resnet18", str(larger)))
    text = str(caught.value)
    assert "missing none; unexpected 96 (layer1.2.conv1.weight, layer1.2.bn1.weight," in text
    assert "\n" not in text
    smaller = saved(tmp_path / "r18.pth", random_network(6))
    with pytest.raises(CheckpointError, match=r"missing 8\d .layer1.2.conv1.weight, .*; unexp"):
        open_given(BackboneChoice("torchvision:resnet34", str(smaller)))
    wide = saved(tmp_path / "wide.pth", random_network(6, "wide_resnet50_2"))
    with pytest.raises(CheckpointError, match=r"layer1.0.conv1.weight is \(128, 64, 1, 1\), not"):
        open_given(BackboneChoice("torchvision:resnet50", str(wide)))


def test_files_that_are_no_weights_are_never_called_damaged(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "module.pth")
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "text.safetensors").write_text("hello")
    for name, what in (
        ("module.pth", "holds Python objects besides tensors"),
        ("list.pth", "holds no parameters by name"),
        ("text.pth", "is no file of torch.save"),
        ("empty.pth", "is no file of torch.save"),
        ("text.safetensors", "is no safetensors file that can be read"),
        ("none.pth", "do not exist"),
    ):
        with pytest.raises(CheckpointError, match=what) as caught:
            open_given(BackboneChoice("torchvision:resnet18", str(tmp_path / name)))
        assert "damaged" not in str(caught.value)
        assert "remove" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_other_weights_or_another_size_are_another_identity(tmp_path):
    one, other = (saved(tmp_path / f"{s}.pth", random_network(s)) for s in (1, 2))
    again = saved(tmp_path / "again.pth", random_network(1), "module.", "state_dict")
    name = "torchvision:resnet18"
    assert given_identity(BackboneChoice(name, str(one))) == given_identity(
        BackboneChoice(name, str(again))
    )
    assert len({given_identity(BackboneChoice(name, str(p))) for p in (one, other)}) == 2
    assert given_identity(BackboneChoice(name, str(one))) != given_identity(
        BackboneChoice(name, str(one), 64)
    )
    saved(one, random_network(9))  # the same path, other contents
    assert given_identity(BackboneChoice(name, str(one))) != given_identity(
        BackboneChoice(name, str(again))
    )


def test_random_weights_follow_from_the_generator_alone():
    choice, x = BackboneChoice("torchvision:resnet18", input_size=32), images(2, 32)
    state = torch.get_rng_state()
    backbone = build_backbone(choice, ImageShape(3, 32), bn="running")
    starts = [backbone.init(torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), state)
    outputs = [backbone(params, x, AT_TEST) for params in starts]
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])


def test_default_weights_come_from_the_cache_of_torchvision(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)

    def offline(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    choice = BackboneChoice("torchvision:resnet18", "default", 32)
    with pytest.raises(ConfigError, match=r"put the file into .*checkpoints, or name"):
        open_given(choice)
    url = models.ResNet18_Weights.DEFAULT.url
    network = random_network(8)
    saved(tmp_path / "hub" / "checkpoints" / url.rsplit("/", 1)[1], network)
    opened = open_given(choice)
    assert torch.equal(opened.network.module.conv1.weight, network.conv1.weight)
    assert opened.network.trained_on == "ImageNet-1k (torchvision IMAGENET1K_V1)"
    assert opened.network.record.mean == (0.485, 0.456, 0.406)


MODULE = """
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    net.preprocessing = {"size": 12, "mean": [0.5], "std": [0.25], "channels": 1}
    net.trained_on = "sketches"
    return net
"""


def test_a_module_of_ones_own_brings_weights_and_record(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MODULE)
    choice = BackboneChoice(f"module:{path}:make")
    opened, x = open_given(choice), images(2, 16, channels=1)
    assert choice.is_given
    assert opened.network.trained_on == "sketches"
    torch.testing.assert_close(
        features(choice, x, trains=False)[0],
        by_module(opened.network.module, x, 12).flatten(1),
        rtol=0,
        atol=1e-6,
    )
    identity = given_identity(choice)
    other = tmp_path / "other" / "mine.py"
    other.parent.mkdir()
    other.write_text(MODULE.replace("nn.ReLU()", "nn.Tanh()"))  # the same weights, other code
    assert given_identity(BackboneChoice(f"module:{other}:make")) != identity


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("module:json:dumps", "can't be made: TypeError"),
        ("module:collections:OrderedDict", "gives OrderedDict, not a torch.nn.Module"),
        ("module:no_such_package:make", "can't be made: ModuleNotFoundError"),
        ("module:make", "is not of the form module:package.mod:make"),
        ("module:none.py:make", "none.py does not exist"),
        ("torchvision:resnet19", "did you mean resnet18"),
        ("torchvision:squeezenet1_0", "does not end in a linear layer"),
        ("jax:resnet18", "unknown backbone"),
    ],
)
def test_names_that_mean_nothing_get_one_line(name, what):
    with pytest.raises(ConfigError, match=what) as caught:
        open_given(BackboneChoice(name))
    assert "\n" not in str(caught.value)


def test_timm_is_asked_for_only_where_it_is_named():
    code = (
        "import sys; sys.modules['timm'] = None\n"
        "from fewshot_bench.nn.backbone import BackboneChoice\n"
        "from fewshot_bench.nn.given.backbone import open_given\n"
        "from fewshot_bench.errors import ConfigError\n"
        "try: open_given(BackboneChoice('timm:vit_tiny_patch16_224'))\n"
        "except ConfigError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'fewshot-bench[timm]'" in done.stdout
