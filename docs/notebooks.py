"""Notebooks as pages of the site: text, code, and the outputs that are stored in them."""

import html
import json
from collections.abc import Iterator
from typing import Any


def page(notebook: str, path: str) -> str:
    """A notebook in Markdown.

    Args:
        notebook: the text of its file, in form 4 of Jupyter.
        path: where the file lies in the repository; the page says it.
    """
    title, *cells = json.loads(notebook)["cells"]
    parts = ["".join(title["source"]), f"This page is the notebook `{path}`, with its outputs."]
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [shown for output in cell["outputs"] for shown in _shown(output)]
    return "\n\n".join(parts) + "\n"


def _shown(output: dict[str, Any]) -> Iterator[str]:
    """One output of a cell: a picture, a text in Markdown, or plain text."""
    data = output.get("data", {})
    if "image/png" in data:
        picture = "".join(data["image/png"]).replace("\n", "")
        yield f'<img alt="the picture that the code draws" src="data:image/png;base64,{picture}">'
    elif "text/markdown" in data:
        yield "".join(data["text/markdown"])
    elif text := "".join(output.get("text", data.get("text/plain", ""))):
        yield f"<pre><code>{html.escape(text)}</code></pre>"
