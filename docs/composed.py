"""The table of composed methods in methods.md, from the catalogue: ``python docs/composed.py``."""

import re
from pathlib import Path

from fewshot_bench.registry import METHODS, Entry

PAGE = Path(__file__).parent / "methods.md"
BEGIN = "<!-- written by python docs/composed.py -->"
_BLOCK = re.compile(rf"{re.escape(BEGIN)}\n.*?\n(?=\n)", re.DOTALL)


def table() -> str:
    """A row in Markdown for each method that is put together from parts by name."""
    rows = [_row(entry) for entry in METHODS if "methods.composed:" in str(entry.target)]
    head = ["| Name | Backbone | Parts | Setting | Paper |", "|---|---|---|---|---|"]
    return "\n".join([BEGIN, *head, *rows])


def written(page: str) -> str:
    """The text of the page with the table as it should be."""
    return _BLOCK.sub(lambda _: f"{table()}\n", page, count=1)


def _row(entry: Entry) -> str:
    backbone = "pre-trained" if entry.recipe == "pretrained" else "trained by episodes"
    named = (entry.options.get(kind) for kind in ("transform", "classifier", "refiner"))
    parts = ", ".join(f"`{name}`" for name in named if name) or "`nearest-mean`"
    return f"| `{entry.name}` | {backbone} | {parts} | {entry.setting} | {entry.paper} |"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
