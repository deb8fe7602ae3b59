"""The notebooks run from top to bottom, draw, and give what is stored in them."""

import importlib.util
import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
# Training amplifies what another version of torch rounds otherwise.
POINTS = 4.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One cache for all, so that the data are made once."""
    return tmp_path_factory.mktemp("notebooks")


def executed(path, folder):
    """The notebook as it is stored, and as it is after a run in a new kernel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nbformat = pytest.importorskip("nbformat")
        nbclient = pytest.importorskip("nbclient")
        pytest.importorskip("ipykernel")
        stored, book = (nbformat.read(path, as_version=4) for _ in range(2))
        resources = {"metadata": {"path": str(folder)}}
        nbclient.NotebookClient(book, timeout=120, resources=resources).execute()
    return stored, book


def kinds(book):
    """For each cell, in which forms each of its outputs is."""
    outputs = [cell.get("outputs", []) for cell in book.cells]
    return [[sorted(one.get("data", [one.get("name")])) for one in cell] for cell in outputs]


def accuracies(book):
    """Accuracies in percent, of printed results and of tables, from the least to the best."""
    outputs = [one for cell in book.cells for one in cell.get("outputs", [])]
    texts = [one.get("text") or one.get("data", {}).get("text/markdown", "") for one in outputs]
    found = re.compile(r": ([\d.]+) %|^\| [^|]+\| ([\d.]+) +\|", re.MULTILINE)
    return sorted(float(a or b) for text in texts for a, b in found.findall(text))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")  # those of jupyter and zmq are not ours
def test_a_notebook_gives_what_is_stored_in_it(path, folder, monkeypatch):
    monkeypatch.setenv("FSBENCH_CACHE", str(folder))
    stored, book = executed(path, folder)
    assert kinds(book) == kinds(stored)
    assert sum("image/png" in forms for cell in kinds(book) for forms in cell) >= 2
    assert len(accuracies(stored)) >= 5
    assert accuracies(book) == pytest.approx(accuracies(stored), abs=POINTS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_site_shows_text_code_and_pictures_of_a_notebook(path):
    spec = importlib.util.spec_from_file_location("site_notebooks", ROOT / "docs" / "notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = path.read_text(encoding="utf-8")
    page = module.page(text, path.name)
    assert page.startswith("# ")
    assert page.count("```python\n") == text.count('"cell_type": "code"')
    assert page.count('src="data:image/png;base64,') == text.count('"image/png":') >= 2
    assert re.search(r"^\| method +\|", page, re.MULTILINE)


def test_both_notebooks_are_found():
    assert [path.stem for path in NOTEBOOKS] == ["embeddings", "own_module"]
