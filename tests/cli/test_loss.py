"""``fsbench loss train`` and ``compare`` as a user runs them."""

import json

import pytest

from tests.cli.common import fails, fsbench

QUICK = ("--data", "wine", "--model", "linear", "--offline-steps", 2)


def test_a_loss_is_learned_saved_and_compared(tmp_path):
    path = tmp_path / "mine.json"
    out, _ = fsbench("loss", "train", "ml3", "--out", path, *QUICK, "--seed", 1)
    assert out == f"loss: {path}\n"
    provenance = json.loads(path.read_text())["provenance"]
    assert (provenance["data"], provenance["seed"]) == ("wine", 1)
    compared = ("loss", "compare", *QUICK, "--steps", 5, "--losses", f"cross_entropy,{path},adalfl")
    out, err = fsbench(*compared, "--seeds", "0,1,2", "--json")
    rows = json.loads(out)["losses"]
    assert [row["loss"] for row in rows] == ["cross_entropy", str(path), "adalfl"]
    assert all(0 <= e <= 1 for row in rows for e in row["errors"])
    assert rows[0]["difference"] is None
    assert rows[1]["difference"]["low"] <= rows[1]["difference"]["mean"]
    assert "adalfl, seed 2: test error 0." in err


def test_the_rate_of_a_loss_is_the_users(tmp_path):
    def learned(*arguments):
        fsbench("loss", "train", "adalfl", "--out", tmp_path / "mine.json", *QUICK, *arguments)
        return json.loads((tmp_path / "mine.json").read_text())

    resting, started = learned("--offline-lr", 0), learned("--offline-steps", 0)
    assert resting["layers"] == started["layers"] != learned()["layers"]
    assert resting["provenance"]["offline_lr"] == 0


def test_help_names_the_loss_in_brackets():
    assert "adalfl[offline] and adalfl" in fsbench("loss", "compare", "--help")[0]


def test_the_table_shows_intervals_and_differences():
    compared = ("loss", "compare", *QUICK, "--steps", 5, "--losses", "cross_entropy,focal")
    lines = fsbench(*compared, "--seeds", "0,1")[0].splitlines()
    assert lines[0].split("  ")[0] == "loss"
    assert "test error %" in lines[0]
    assert "minus cross_entropy" in lines[0]
    assert " to " in lines[3]
    assert lines[-1].startswith("seeds: 2, paired")
    out = fsbench(*compared, "--seeds", "0,1", "--level", 0.995)[0]
    assert "99.5% interval" in out
    one = fsbench(*compared, "--seeds", "0")[0]
    assert " to " not in one


def test_regressions_are_in_squared_errors():
    out, _ = fsbench(
        *("loss", "compare", "--data", "diabetes", "--model", "linear", "--steps", 50),
        *("--losses", "squared_error", "--seeds", "0,1"),
    )
    assert "test squared error" in out
    assert float(out.splitlines()[2].split()[1]) < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "focal", "--out", "x.json"), "choose ml3 or adalfl"),
        (("train", "ml3", "--out", "x.txt"), "ending in .json"),
        (("compare", "--seeds", "0,0"), "--seeds takes different numbers"),
        (("compare", "--losses", ","), "--losses takes different names"),
        (("compare", "--outer", "test"), "--outer must be train or val"),
        (("compare", "--seeds", str(2**32)), "below 2**32"),
        (("compare", "--max-classes", "3"), "for image benchmarks, not for digits"),
        (("compare", "--losses", "cross_entropy,sparse_lrs"), "unknown loss 'sparse_lrs'"),
        (("compare", "--data", "digit"), "unknown data set 'digit'"),
        (("compare", "--model", "mlb"), "unknown backbone 'mlb'"),
        (("compare", "--losses", "taylorglo"), "taylorglo has to be learned first"),
        (("compare", "--losses", "none.json"), "none.json does not exist"),
        (("compare", "--data", "diabetes"), "does not fit regression"),
    ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path):
    assert message in fails("loss", *arguments, cwd=tmp_path)
