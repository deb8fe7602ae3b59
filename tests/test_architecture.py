"""The rules of the house: imports run downwards, no hidden randomness, no unsafe loading."""

import ast
from pathlib import Path

import pytest

import fewshot_bench

ROOT = Path(fewshot_bench.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Each layer may import itself and the layers below it; stats and errors import nothing of the rest.
LAYERS = [
    ("errors",),
    ("reading",),
    ("files", "registry", "platform", "stats"),
    ("lock", "world"),
    ("config",),
    ("data",),
    ("nn",),
    ("inner",),
    ("supervised",),
    ("losses",),
    ("methods",),
    ("testing",),
    ("evaluation",),
    ("training", "search"),
    ("leaderboard",),
    ("interface",),
    ("grids",),
    ("launch",),
    ("api",),
    ("cli",),
    ("__main__",),
]
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}


def layer(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_downwards(path):
    relative = path.relative_to(ROOT)
    here = relative.parts[0].removesuffix(".py")
    if here == "__init__":
        return
    assert here in HEIGHT, f"{here} has no layer yet; give it one"
    for module in imported(ast.parse(path.read_text())):
        target = layer(module) if module.startswith("fewshot_bench.") else None
        if target is None or target == here:
            continue
        assert HEIGHT[target] < HEIGHT[here], f"{relative} imports {module}, which lies above it"


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_global_randomness_and_no_unsafe_loading(path):
    for name, node in calls(ast.parse(path.read_text())):
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        assert name not in {"eval", "exec", "pickle.load", "pickle.loads"}, name
        assert name != "torch.load" or keywords.get("weights_only") == "True", name
        assert not name.startswith("random."), name
        if name.startswith(("np.random.", "numpy.random.")):
            assert name.split("(")[0].rsplit(".")[2] in {"Generator", "Philox", "default_rng"}, name
        if name in {"torch.rand", "torch.randn", "torch.randint", "torch.randperm"}:
            assert "generator" in keywords, f"{name} without a generator"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            assert node.end_lineno - node.lineno + 1 - docstring.count("\n") <= 60, node.name
