"""``fsbench reproduce``: the list, the settings, and a whole run with its verdict."""

import pytest

from fewshot_bench.leaderboard.reproduce import Published, Reproduction
from tests.cli.common import fails, fsbench
from tests.tiny import tiny_config


def test_rows_are_listed_and_their_settings_shown():
    out, _ = fsbench("reproduce", "--list")
    assert "maml-mini-imagenet-conv4-32-1shot" in out
    assert "48.70 +- 1.84" in out
    out, _ = fsbench("reproduce", "maml-fc100-resnet12-5shot", "--show-config")
    assert 'benchmark = "fc100"' in out
    assert "steps = 60000" in out


def test_mistakes_are_one_line():
    assert "--list" in fails("reproduce")
    assert "did you mean" in fails("reproduce", "maml-fc100-resnet-5shot")
    assert "different numbers" in fails("reproduce", "maml-fc100-resnet12-5shot", "--seeds", "a")
    line = fails("reproduce", "maml-fc100-resnet12-5shot", "--set", "train.speed=1")
    assert "train.speed" in line


@pytest.mark.parametrize(("percent", "where"), [(33.4, "outside"), (None, "inside")])
def test_a_run_ends_with_its_verdict(tiny_folder, tmp_path, monkeypatch, percent, where):
    settings = tiny_config(tiny_folder).model_dump(exclude_none=True)

    def published(accuracy):
        return Published(
            method="ProtoNet",
            backbone="conv4",
            accuracy_percent=accuracy,
            half_width_percent=0.5,
            interval="ci95",
            source="arXiv 1703.05175",
            where="Table 2",
        )

    def row(name):
        return Reproduction(name, settings, published(percent or 90.0))

    monkeypatch.setattr("fewshot_bench.cli.reproduce.reproduction", row)
    out, _ = fsbench("reproduce", "tiny", "--seeds", "0,1", "--device", "cpu", "--out", tmp_path)
    assert f"{where} the margin: difference" in out
    assert "published 33.40 +- 0.50 % (arXiv 1703.05175, Table 2), measured" in out or not percent
    assert (tmp_path / "seed-1" / "result.json").exists()
