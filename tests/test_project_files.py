"""The pages beside the code say what the code says, and their links lead somewhere."""

import json
import re
from pathlib import Path

import pytest

from fewshot_bench import __version__
from fewshot_bench.data.manifest import SCHEMA as STORE
from fewshot_bench.evaluation.document import SCHEMA as RESULT
from fewshot_bench.inner.losses.stored import StoredLoss
from fewshot_bench.leaderboard.board import SCHEMA as BOARD
from fewshot_bench.search.state import SCHEMA as SEARCH
from fewshot_bench.training.checkpoint import SCHEMA as MODEL

ROOT = Path(__file__).parents[1]
MADE = {"commands.md"}  # by docs/hooks.py
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NOTEBOOKS = sorted(ROOT.glob("examples/notebooks/*.ipynb"))


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_names_the_version():
    assert f"\nversion: {__version__}\n" in text("CITATION.cff")


def test_the_changelog_tells_of_this_version_and_of_the_next():
    heads = re.findall(r"^## \[(.+?)\]", text("CHANGELOG.md"), re.MULTILINE)
    assert heads[0] == "Unreleased"
    assert __version__ in heads


def test_the_versions_of_forms_are_those_of_the_code():
    loss = StoredLoss.model_fields["schema_version"].default
    assert (
        f"result documents ({RESULT}), stores ({STORE}), model files ({MODEL}), loss files"
        f" ({loss}), `board.json` ({BOARD}), states of a search ({SEARCH})"
    ) in text("docs/versioning.md")


def prose(page):
    """The text of a page, or the Markdown cells of a notebook."""
    content = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        return content
    cells = json.loads(content)["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS], ids=lambda page: page.name)
def test_links_to_files_and_headings_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in link or link in MADE:
            continue
        path, _, heading = link.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), link
        if heading:
            found = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {slug(line) for line in found}, link


def slug(heading):
    """As GitHub and the site name a heading."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())
