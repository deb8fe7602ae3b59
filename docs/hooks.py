"""What mkdocs needs beside the pages: pages made of other files, and links that leave ``docs/``."""

import re
import sys
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
COPIES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples/notebooks/own_module.ipynb": "notebooks/own_module.md",
    "examples/notebooks/embeddings.ipynb": "notebooks/embeddings.md",
}
ORIGINALS = {page: name for name, page in COPIES.items()}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(((?![a-z]+://)[^)#\s]+)(#[^)\s]*)?\)")
_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):(?=<code>)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made: copies of other files, notebooks, the reference of commands."""
    sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
    from commands import reference
    from notebooks import page

    made = {"commands.md": reference()}
    for name, to in COPIES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        made[to] = page(text, name) if name.endswith(".ipynb") else text
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links of copied files to their pages; other files are named by their path."""
    del config
    source = page.file.src_uri
    here = PurePosixPath(ORIGINALS.get(source, f"docs/{source}")).parent

    def relinked(match: re.Match[str]) -> str:
        picture, text, path, heading = match.groups()
        target = _normal(here / path)
        inside = COPIES.get(target, target.removeprefix("docs/"))
        if files.get_file_from_path(inside) and (target in COPIES or target.startswith("docs/")):
            up = "../" * (len(PurePosixPath(source).parts) - 1)
            return f"{picture}[{text}]({up}{inside}{heading or ''})"
        if not (ROOT / target).exists():
            return match[0]  # mkdocs says that it is dead
        return "" if picture else text if target in text else f"{text} (`{target}`)"

    return _LINK.sub(relinked, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Docstrings mark names by roles, as ``:class:``, which readers need not see."""
    del page, config, files
    return _ROLE.sub("", html).replace("<code>~", "<code>")


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
