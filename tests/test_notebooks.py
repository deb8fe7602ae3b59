"""The notebooks run from top to bottom and end with a picture."""

import warnings
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples" / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")  # those of jupyter and zmq are not ours
def test_a_notebook_ends_with_a_picture(path, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nbformat
        from nbclient import NotebookClient

        book = nbformat.read(path, as_version=4)
        resources = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(book, timeout=120, resources=resources).execute()
    assert any("image/png" in output.get("data", {}) for output in book.cells[-1].outputs)
