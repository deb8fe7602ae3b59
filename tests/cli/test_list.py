"""``fsbench list`` and ``--version``: complete, and quick because torch stays out."""

import json
import subprocess
import sys

import fewshot_bench
from fewshot_bench.registry import BACKBONES, BENCHMARKS, LOSSES, METHODS, OBJECTIVES, SAMPLERS
from tests.cli.common import fails, fsbench, fsbench_process


def test_lists_everything_registered():
    for kind, registry in (
        ("methods", METHODS),
        ("benchmarks", BENCHMARKS),
        ("backbones", BACKBONES),
        ("losses", LOSSES),
        ("objectives", OBJECTIVES),
        ("samplers", SAMPLERS),
    ):
        rows = json.loads(fsbench("list", kind, "--json")[0])
        assert [row["name"] for row in rows] == [entry.name for entry in registry]
        table = fsbench("list", kind)[0].splitlines()
        assert len(table) == len(rows) + 1


def test_methods_show_setting_and_paper():
    [maml] = [r for r in json.loads(fsbench("list", "methods", "--json")[0]) if r["name"] == "maml"]
    assert maml["setting"] == "transductive_bn"
    assert "1703.03400" in maml["paper"]


def test_version():
    assert fsbench_process("--version")[0] == f"fewshot_bench {fewshot_bench.__version__}\n"


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['fsbench', 'list', 'methods']\n"
        "from fewshot_bench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'scipy', 'pandas', 'matplotlib', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_statistics_do_not_import_torch():
    code = "import sys, fewshot_bench.stats; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_plugin_file_shows_up(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from fewshot_bench.registry import METHODS\n"
        "@METHODS.register('mine', summary='my idea', setting='inductive')\n"
        "class Mine: ...\n"
    )
    out = fsbench_process("list", "methods", "--plugin", plugin)[0]
    assert out.splitlines()[-1].split() == ["mine", "inductive", "my", "idea"]
    plugin.write_text("1 / 0")
    assert "ZeroDivisionError" in fails("list", "methods", "--plugin", plugin)
    assert "is not a Python file" in fails("list", "methods", "--plugin", tmp_path / "none.py")


def test_shell_completion_is_offered():
    assert "--install-completion" in fsbench_process("--help")[0]
