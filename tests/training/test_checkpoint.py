"""Checkpoint files: round trip, and every way in which one can be wrong."""

import pytest
import safetensors.torch
import torch

from fewshot_bench.errors import CheckpointError
from fewshot_bench.nn.hashing import tensors_sha256
from fewshot_bench.training.checkpoint import check_params, load_checkpoint, save_checkpoint

PARAMS = {"b": torch.arange(6.0).view(2, 3), "a": torch.tensor(2, dtype=torch.int64)}


def test_round_trip(tmp_path):
    save_checkpoint(tmp_path / "x.safetensors", PARAMS, {"note": "é", "n": [1, 2]})
    loaded = load_checkpoint(tmp_path / "x.safetensors")
    assert loaded.info == {"note": "é", "n": [1, 2]}
    assert all(torch.equal(loaded.params[name], value) for name, value in PARAMS.items())


def test_views_and_channels_last_weights_are_stored_as_what_they_are(tmp_path):
    weight = torch.randn(4, 3, 3, 3).contiguous(memory_format=torch.channels_last)
    save_checkpoint(tmp_path / "x.safetensors", {"w": weight, "v": weight[1:]}, {})
    loaded = load_checkpoint(tmp_path / "x.safetensors").params
    assert torch.equal(loaded["w"], weight)
    assert torch.equal(loaded["v"], weight[1:])


def test_missing_truncated_foreign_and_newer_files_are_named(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(CheckpointError, match="does not exist"):
        load_checkpoint(path)
    save_checkpoint(path, PARAMS, {})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)
    safetensors.torch.save_file(PARAMS, path)
    with pytest.raises(CheckpointError, match="not written by fewshot_bench"):
        load_checkpoint(path)
    save_checkpoint(path, PARAMS, {"schema": 99})
    with pytest.raises(CheckpointError, match="newer"):
        load_checkpoint(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_torch_is_called_what_it_is_and_never_damaged(tmp_path, zipped):
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": PARAMS}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="is a PyTorch file and no checkpoint of") as caught:
        load_checkpoint(path)
    assert "damaged" not in str(caught.value)
    assert "remove" not in str(caught.value)
    assert f"--weights {path}" in str(caught.value)


def test_mismatches_are_told_by_name():
    check_params(PARAMS, PARAMS, "x")
    with pytest.raises(CheckpointError, match=r"1 parameters do not match .*'c'"):
        check_params(PARAMS, {**PARAMS, "c": torch.zeros(1)}, "x")
    with pytest.raises(CheckpointError, match=r"b is \(2, 3\), this run needs \(3, 2\)"):
        check_params(PARAMS, {**PARAMS, "b": torch.zeros(3, 2)}, "x")


def test_identity_of_tensors_sees_names_shapes_and_values():
    base = tensors_sha256(PARAMS)
    assert base == tensors_sha256(dict(reversed(PARAMS.items())))
    changed = (
        {**PARAMS, "b": PARAMS["b"].view(3, 2)},
        {**PARAMS, "b": PARAMS["b"] + 1e-6},
        {**PARAMS, "b": PARAMS["b"].double()},
        {"a": PARAMS["a"], "c": PARAMS["b"]},
    )
    assert base not in {tensors_sha256(params) for params in changed}
