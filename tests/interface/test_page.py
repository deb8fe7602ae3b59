"""docs/api.md runs as it is written, from top to bottom."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fewshot_bench

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def write_images(folder, count, seed):
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for i in range(count):
        Image.fromarray(random.integers(0, 256, (28, 28)).astype(np.uint8)).save(
            folder / f"{i}.png"
        )


@pytest.mark.slow
def test_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("support/a", "support/b", "queries")):
        write_images(tmp_path / name, 2, seed)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    assert names["episode"].support.shape == (5, 1, 28, 28)
    assert names["same"].document.result_id == names["result"].document.result_id
    assert set(names["frame"]["name"]) == {"mine", "nearest-pixels"}
    assert "nearest-pixels" in names["latex"]
    assert (tmp_path / "support.safetensors").exists()
    assert "protonet (inductive) on glyphs" in capsys.readouterr().out


def test_importing_the_package_imports_no_torch():
    code = "import sys, fewshot_bench; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_every_name_of_the_interface_is_there_and_documented():
    from fewshot_bench import api

    assert set(api.__all__) == set(fewshot_bench._API)
    for name in api.__all__:
        assert getattr(fewshot_bench, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fewshot_bench.nothing
