"""Text of unknown origin, made harmless for each format."""

import unicodedata

from fewshot_bench.errors import one_line

_MARKDOWN = str.maketrans(
    {**{c: f"\\{c}" for c in r"\`*_[]|#~"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
_LATEX = str.maketrans(
    {
        **{c: f"\\{c}" for c in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        '"': r"\textquotedbl{}",
        "|": r"\textbar{}",
        "[": "{[}",  # or it would be an optional argument of a preceding line break
        "]": "{]}",
        "±": r"$\pm$",
        "×": r"$\times$",
        "µ": r"$\mu$",
        "†": r"\dag{}",
        "‡": r"\ddag{}",
    }
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    """One line, without control characters and marks that change the direction of writing."""
    return one_line(text).strip()


def markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return plain(text).translate(_MARKDOWN)


def latex(text: str) -> str:
    """Text that any LaTeX engine sets as it is; letters it may not know become ASCII or "?"."""
    return "".join(_ascii(c).translate(_LATEX) for c in plain(text))


def spreadsheet(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = plain(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _ascii(character: str) -> str:
    if character.isascii() or ord(character) in _LATEX:
        return character
    parts = unicodedata.normalize("NFKD", character)
    return "".join(c for c in parts if c.isascii() and c.isprintable()) or "?"
