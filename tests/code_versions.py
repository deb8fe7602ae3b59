"""Which code decides the numbers of a trained model, and a hash of it that a comment leaves alone.

A *unit* is the code behind one or more registered names: the module of a method, backbone or stage
together with what only this unit imports. What several units import, or the outer loop does, is the
unit ``shared``. Comments, docstrings, layout and the texts of errors do not count.

``python -m tests.code_versions`` writes the table anew.
"""

import ast
import hashlib
import importlib.util
import json
from pathlib import Path

from fewshot_bench.registry import BACKBONES, METHODS, STAGES
from fewshot_bench.training.identity import CODE_VERSION, PARTS

TABLE = Path(__file__).parent / "code_versions.json"
HOME = "fewshot_bench"
KINDS = (METHODS, BACKBONES, *PARTS)
SHARED = "shared"
OUTER = tuple(
    f"{HOME}.{name}"
    for name in (
        *("training.fit", "training.meta_train", "training.strategy", "training.schedule"),
        *("data.episodes", "data.loader", "data.image_loader", "data.transforms"),
        "evaluation.predict",
    )
)
# Packages whose code makes numbers, and modules in them that do not.
NUMBERS = tuple(f"{HOME}.{name}" for name in ("data", "evaluation", "inner", "methods", "nn"))
PLAIN = {
    *(f"{HOME}.training.{name}" for name in ("checkpoint", "context", "identity", "log", "stop")),
    f"{HOME}.training.stages",
    *(f"{HOME}.data.{name}" for name in ("benchmark", "store", "splits", "threads")),
}


def tree_of(module: str) -> ast.Module | None:
    """The syntax tree of a module; None for a package and for what is no module."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or spec.origin.endswith("__init__.py"):
        return None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def counts(module: str) -> bool:
    """Whether the code of a module decides numbers."""
    inside = module.startswith((*NUMBERS, f"{HOME}.training"))
    return inside and module not in PLAIN and tree_of(module) is not None


def imported(tree: ast.Module) -> set[str]:
    """Modules of this package that a module names in its imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(HOME):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.startswith(HOME)}
    return {name for name in names if exists(name)}


def exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # an object inside a module
        return False


def closure(*roots: str) -> set[str]:
    """The modules that roots import, directly or not, as far as they decide numbers."""
    found, open_ = set(), list(roots)
    while open_:
        module = open_.pop()
        if module in found or not counts(module):
            continue
        found.add(module)
        open_ += imported(tree_of(module))
    return found


def roots() -> dict[str, str]:
    """Unit -> module of its registered names."""
    found = {}
    for registry in KINDS:
        for entry in registry:
            module = str(entry.target).partition(":")[0]
            if entry.origin == HOME and module.startswith(HOME):
                found[f"{registry.kind} {module.removeprefix(f'{HOME}.')}"] = module
    for entry in STAGES:
        module = entry.load().trainer.partition(":")[0]
        found[f"stage {module.removeprefix(f'{HOME}.')}"] = module
    return found


def units() -> dict[str, set[str]]:
    """Unit -> its modules; every module in one unit."""
    reached = {unit: closure(module) for unit, module in roots().items()}
    outer = closure(*OUTER)
    owners: dict[str, set[str]] = {module: {SHARED} for module in outer}
    for unit, modules in reached.items():
        for module in modules:
            owners.setdefault(module, set()).add(unit)
    table: dict[str, set[str]] = {}
    for module, names in owners.items():
        table.setdefault(names.pop() if len(names) == 1 else SHARED, set()).add(module)
    return table


def form(node: object) -> object:
    """A syntax tree as JSON values that are the same whatever Python version parsed it."""
    if isinstance(node, ast.Raise):
        return "raise"
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if name != "kind")
        return [type(node).__name__, {n: form(v) for n, v in fields if v is not None and v != []}]
    if isinstance(node, list):
        return [form(item) for item in node if not is_docstring(item)]
    return repr(node)


def is_docstring(node: object) -> bool:
    """Whether a statement is a text and nothing else."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def code_sha256(*sources: str) -> str:
    """Of what some sources do."""
    trees = [form(ast.parse(source)) for source in sources]
    return hashlib.sha256(json.dumps(trees).encode()).hexdigest()[:16]


def versions(unit: str) -> dict[str, int]:
    """Name -> version of what belongs to a unit."""
    if unit == SHARED:
        return {"fewshot_bench.training.identity.CODE_VERSION": CODE_VERSION}
    kind, _, module = unit.rpartition(" ")
    if kind == STAGES.kind:
        return {e.name: e.version for e in STAGES if f"{HOME}.{module}:" in e.load().trainer}
    [registry] = [known for known in KINDS if known.kind == kind]
    return {e.name: e.version for e in registry if f"{HOME}.{module}:" in str(e.target)}


def table() -> dict[str, str]:
    """Unit -> hash of its code."""
    lines = {}
    for unit, modules in sorted(units().items()):
        paths = [Path(importlib.util.find_spec(module).origin) for module in sorted(modules)]
        lines[unit] = code_sha256(*(path.read_text(encoding="utf-8") for path in paths))
    return lines


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1) + "\n", encoding="utf-8")
