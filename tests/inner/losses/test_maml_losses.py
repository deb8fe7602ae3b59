"""MAML with another inner loss: with cross-entropy put back it is MAML."""

import pytest
import torch

from fewshot_bench.errors import ConfigError, DataError
from fewshot_bench.inner.losses.loss_file import SymbolicFile, TaylorFile, network_file, write_loss
from fewshot_bench.inner.losses.network import ml3
from tests.methods.common import build, make_episode, make_params


def test_no_smoothing_is_maml():
    found, expected = build("maml+sparse_lsr", loss_options={"smoothing": 0.0}), build("maml")
    params, episode = make_params(expected), make_episode()
    loss, _ = found.episode_loss(params, episode)
    torch.testing.assert_close(loss, expected.episode_loss(params, episode)[0])
    torch.testing.assert_close(found.predict(params, episode), expected.predict(params, episode))


def test_smoothing_changes_the_inner_steps():
    params, episode = make_params(build("maml")), make_episode()
    losses = [
        build("maml+sparse_lsr", loss_options={"smoothing": xi}).episode_loss(params, episode)[0]
        for xi in (0.1, 0.5)
    ]
    assert not torch.isclose(*losses)


def test_a_found_loss_starts_with_its_weights(tmp_path):
    """As cross-entropy it is MAML with cross-entropy; its weights are learned on."""
    path = tmp_path / "found.json"
    file = SymbolicFile(
        task="classification", expression="abs(log(mul(y,f(x))))", weights=[2.0, 1.0, 1.0, 1.0]
    )
    write_loss(path, file)
    method = build("maml+evomal", loss=str(path), lr=0.01)
    params, episode = make_params(method), make_episode()
    assert params["loss.weights"].tolist() == file.weights
    twice = build("maml", lr=0.02)
    loss, _ = method.episode_loss(params, episode)
    torch.testing.assert_close(loss, twice.episode_loss(params, episode)[0])
    [grad] = torch.autograd.grad(loss, [params["loss.weights"]])
    assert grad.abs().min() > 0


def test_a_polynomial_and_a_network_can_be_named_too(tmp_path):
    coefficients = [0.1, 0.4, 0.0, 0.1, 0.0, 2.0, -4.0, 0.3]
    write_loss(
        tmp_path / "taylor.json", TaylorFile(task="classification", coefficients=coefficients)
    )
    phi = ml3(width=5).init(torch.Generator().manual_seed(1))
    write_loss(tmp_path / "ml3.json", network_file("ml3", "classification", phi))
    episode = make_episode()
    method = build("maml+taylorglo", loss=str(tmp_path / "taylor.json"))
    start = make_params(method)["loss.coefficients"]
    torch.testing.assert_close(start.float(), torch.tensor(coefficients))
    method = build("maml+taylorglo", loss=str(tmp_path / "ml3.json"))
    assert make_params(method)["loss.0.weight"].shape == (5, 2)
    assert method.episode_loss(make_params(method), episode)[0].isfinite()


def test_an_unknown_loss_is_one_line(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        build("maml+evomal", loss=str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match="unknown loss 'evomall'"):
        build("maml+evomal", loss="evomall")
