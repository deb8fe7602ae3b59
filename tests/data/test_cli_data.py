import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from fewshot_bench.cli.data import app
from fewshot_bench.data.library import store_folder
from fewshot_bench.errors import ConfigError, DataError

from .tiny_sources import folder_tree, picture, write

SCRIPTS = sorted((Path(__file__).parents[2] / "data_scripts").glob("prepare_*.py"))
Run = Callable[..., Any]


@pytest.fixture
def run() -> Run:
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def spec(tmp_path: Path) -> str:
    return f"folder:{folder_tree(tmp_path / 'birds')}"


def test_prepare_prints_counts_and_the_fingerprint(run: Run, spec: str) -> None:
    done = run("prepare", spec, "--image-size", 16, "--jobs", 1)
    assert done.exit_code == 0, done.output
    assert "folder:birds: 16x16 RGB" in done.stdout
    assert "train:     2 classes,       6 images, 3 in each class" in done.stdout
    manifest = json.loads((store_folder(spec, 16) / "store.json").read_text())
    assert f"fingerprint: {manifest['fingerprint']}" in done.stdout
    assert run("prepare", "folder", "--source", spec.partition(":")[2]).exit_code == 0


def test_prepare_names_what_is_left_out(run: Run, spec: str) -> None:
    write(Path(spec.partition(":")[2]) / "train/ant/77.png", b"damaged")
    assert isinstance(run("prepare", spec).exception, DataError)
    done = run("prepare", spec, "--skip-corrupt")
    assert "damaged images left out: 1 (ant/77)" in done.stdout


def test_info_as_text_and_as_json(run: Run, spec: str, tmp_path: Path) -> None:
    text = run("info", spec)
    assert text.exit_code == 0, text.output
    assert "test:      2 classes" in text.stdout
    facts = json.loads(run("info", spec, "--json", "--sheet", tmp_path / "s.png").stdout)
    assert facts["splits"]["val"] == {
        "classes": 1,
        "images": 3,
        "min_per_class": 3,
        "max_per_class": 3,
    }
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 600
    assert isinstance(run("info", spec, "--sheet", "sheet.what").exception, ConfigError)


def test_verify_tells_by_its_exit_code(run: Run, spec: str) -> None:
    assert run("verify", spec).exit_code == 0
    path = store_folder(spec) / "images.bin"
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(bytes(data))
    done = run("verify", spec)
    assert done.exit_code == 1
    assert "ant 00: the pixels are not those that were prepared" in done.stdout
    index = store_folder(spec) / "images.tsv"
    index.write_text(index.read_text().replace("\t", " ", 1))
    done = run("verify", spec)
    assert isinstance(done.exception, SystemExit)
    assert done.stdout.startswith("line 1 of the index is damaged\n")


def test_split_writes_a_table_that_the_folder_follows(run: Run, tmp_path: Path) -> None:
    names = [f"class{i}" for i in range(8)] + ["a,b"]
    for i, name in enumerate(names):
        write(tmp_path / "in" / name / "0.png", picture(i))
    done = run("split", tmp_path / "in", "--seed", 5, "--train", 0.5, "--val", 0)
    assert done.exit_code == 0, done.output
    assert "4 train, 0 val, 5 test (50/0/50 % of the classes at random, seed 5)" in done.stdout
    table = (tmp_path / "in/split.csv").read_text().splitlines()
    assert table[0] == "class,split"
    facts = json.loads(run("info", f"folder:{tmp_path / 'in'}", "--json").stdout)
    assert facts["splits"]["train"]["classes"] == 4
    assert facts["split"] is None
    write(tmp_path / "in/new/0.png", picture(99))
    error = run("info", f"folder:{tmp_path / 'in'}").exception
    assert "lacks 1 class of the folder, the first is new" in str(error)


def test_verify_names_equal_pictures(run: Run, spec: str) -> None:
    write(Path(spec.partition(":")[2]) / "test/dog/again.png", picture(0))
    assert "1 picture in more than one split" in run("verify", spec).stdout


def test_unknown_benchmarks_get_a_hint(run: Run) -> None:
    for command in ("prepare", "info", "verify"):
        error = run(command, "omniglott").exception
        assert isinstance(error, ConfigError)
        assert "did you mean 'omniglot'" in str(error)


def test_the_module_imports_neither_torch_nor_matplotlib() -> None:
    code = "import sys, fewshot_bench.cli.data; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"torch", "matplotlib"}


def test_data_modules_do_not_import_torch() -> None:
    code = (
        "import sys, fewshot_bench.data.library, fewshot_bench.data.sheet\n"
        "from fewshot_bench.registry import BENCHMARKS\n"
        "[entry.load() for entry in BENCHMARKS if entry.name != 'glyphs']\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_there_is_a_script_for_every_benchmark() -> None:
    from fewshot_bench.registry import BENCHMARKS

    names = {path.stem.removeprefix("prepare_").replace("_", "-") for path in SCRIPTS}
    assert names == {entry.name for entry in BENCHMARKS}


def test_the_guide_names_every_benchmark() -> None:
    from fewshot_bench.registry import BENCHMARKS

    text = (Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")
    assert [entry.name for entry in BENCHMARKS if f"`{entry.name}" not in text] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_explain_themselves(script: Path) -> None:
    done = subprocess.run(
        [sys.executable, script, "--help"], capture_output=True, text=True, check=True
    )
    assert "--allow-missing-classes" in done.stdout


def test_the_folder_script_prepares(spec: str, tmp_path: Path) -> None:
    script = next(path for path in SCRIPTS if path.stem == "prepare_folder")
    command = [sys.executable, script, "--source", spec.partition(":")[2]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "fingerprint: " in done.stdout
    command[-1] = str(tmp_path / "none")
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stderr.strip().endswith("does not exist")
    assert len(failed.stderr.splitlines()) == 1
