"""Tables as spreadsheets, editors and scripts write them: one line for each image."""

import codecs
import csv
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewshot_bench.data.readers.names import read_split
from fewshot_bench.data.split import SplitName
from fewshot_bench.errors import DataError
from fewshot_bench.reading import parse_json, read_bytes

SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
COLUMNS: Mapping[str, tuple[str, ...]] = {  # what we call a column -> what people call it
    "path": (
        *("path", "filename", "file_name", "file", "filepath", "file_path"),
        *("image", "image_path", "image_name", "image_id", "img", "img_path"),
    ),
    "class": ("class", "label", "class_name", "label_name", "category", "target", "species"),
    "split": ("split", "set", "subset", "partition", "phase"),
}
_SEPARATORS = ",;\t|"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")  # what text files end lines with


@dataclass(frozen=True, slots=True)
class Row:
    """One image of a table.

    Attributes:
        line: its number in the file, from 1; in JSON the number of the image.
        path: as it is written.
        name: of the class.
        split: as it is written, None where the table has no such column.
    """

    line: int
    path: str
    name: str
    split: str | None


def is_table(path: Path) -> bool:
    """Whether this is a file that may be a table."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def has_images(path: Path) -> bool:
    """Whether a table has the columns for images and classes."""
    try:
        _, _, columns = _opened(path)
    except DataError:
        return False
    return {"path", "class"} <= set(columns)


def rows(path: Path) -> Iterator[Row]:
    """Every image of a table; lines without any text are passed over.

    Commas, semicolons, tabs and bars may separate; a byte order mark, UTF-16, blanks around cells,
    capitals in the header and the usual other names of columns are understood.

    Raises:
        DataError: the file can't be read or lacks a column.
    """
    text, separator, columns = _opened(path)
    for needed in ("path", "class"):
        if needed not in columns:
            raise DataError(_lacking(path, needed, text, separator))
    for line, cells in records(path, text, separator):
        yield Row(
            line,
            _cell(cells, columns["path"]),
            sys.intern(_cell(cells, columns["class"])),  # a million rows hold few names
            sys.intern(_cell(cells, columns["split"])) if "split" in columns else None,
        )


def class_splits(path: Path) -> dict[str, SplitName]:
    """Class -> split, from a table with these two columns.

    Raises:
        DataError: the file can't be read, lacks a column, or names a class twice.
    """
    text, separator, columns = _opened(path)
    for needed in ("class", "split"):
        if needed not in columns:
            raise DataError(f"{path} lacks the column {needed!r}; needed: class,split")
    splits: dict[str, SplitName] = {}
    for line, cells in records(path, text, separator):
        where, name = f"{path}, line {line}", _cell(cells, columns["class"])
        if name in splits:
            raise DataError(f"{where}: class {name!r} is listed twice")
        splits[name] = read_split(_cell(cells, columns["split"]), where)
    return splits


def records(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line of a table below its header; lines without text are left out.

    Raises:
        DataError: it is not CSV.
    """
    # Line by line, because a StringIO would hold four bytes for each character once more.
    found = (match.group() for match in _LINE.finditer(text))
    reader = csv.reader(found, delimiter=separator, skipinitialspace=True)
    header = True
    try:
        for cells in reader:
            if _is_preamble(cells, separator):
                continue
            if not header:
                yield reader.line_num, cells
            header = False
    except csv.Error as error:
        raise DataError(f"{path} can't be read as CSV ({error})") from error


def json_rows(path: Path) -> Iterator[Row]:
    """Every image of a list as Chen et al. 2019 write them (``base.json``, ``novel.json``).

    Raises:
        DataError: the file is no such list.
    """
    content = read_json(path)
    if not is_json_list(content):
        raise DataError(f"{path} is no list of images: it lacks 'image_names' or 'image_labels'")
    names = content.get("label_names") or []
    images, labels = content["image_names"], content["image_labels"]
    if len(images) != len(labels):
        raise DataError(f"{path}: {len(images)} images, but {len(labels)} labels")
    for number, (image, label) in enumerate(zip(images, labels, strict=True), 1):
        known = isinstance(label, int) and 0 <= label < len(names)
        yield Row(number, str(image), str(names[label] if known else label), None)


def is_json_list(content: Any) -> bool:
    """Whether a JSON document is a list of images."""
    return isinstance(content, dict) and {"image_names", "image_labels"} <= set(content)


def read_json(path: Path) -> Any:
    """Content of a JSON file; raises DataError if it is none."""
    try:
        return parse_json(decoded(path))
    except ValueError as error:
        raise DataError(f"{path} can't be read as JSON ({error})") from error


def decoded(path: Path) -> str:
    """Text of a file in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        DataError: it can't be read, or has another encoding.
    """
    try:
        data = read_bytes(path)
        return data.decode(_encoding(data))
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path} can't be read as CSV: line {line} is not UTF-8; save it as UTF-8"
        ) from error


def _encoding(data: bytes) -> str:
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    if marked or b"\0" not in data[:400]:
        return marked or "utf-8"
    return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"


def _opened(path: Path) -> tuple[str, str, dict[str, int]]:
    """Text and separator of a table, and our name of a column -> its place."""
    text = decoded(path)
    every = [(separator, _columns(header(text, separator))) for separator in _SEPARATORS]
    separator, best = max(every, key=lambda pair: len(pair[1]))  # the first of the best
    return text, separator, best


def header(text: str, separator: str) -> list[str]:
    """Cells of a table's first line that has any; capitals and blanks around them are gone."""
    for match in _LINE.finditer(text):
        line = match.group().rstrip("\r\n")
        cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
        if not _is_preamble(cells, separator):
            return [cell.strip().lower() for cell in cells]
    return []


def _columns(cells: Iterable[str]) -> dict[str, int]:
    """Our name of a column -> its place, for those of :data:`COLUMNS` that a header has."""
    places = {cell: place for place, cell in reversed(list(enumerate(cells)))}
    found = {
        ours: next((places[name] for name in theirs if name in places), -1)
        for ours, theirs in COLUMNS.items()
    }
    return {name: place for name, place in found.items() if place >= 0}


def _is_preamble(cells: list[str], separator: str) -> bool:
    """An empty line, or Excel's ``sep=;``."""
    text = separator.join(cells).strip().lower()
    return not text.strip(separator + " ") or text.startswith("sep=")


def _lacking(path: Path, needed: str, text: str, separator: str) -> str:
    has = ", ".join(map(repr, header(text, separator)[:8])) or "nothing"
    return (
        f"{path} lacks the column {needed!r}; its first line has {has};"
        " needed: path,class,split, or path,class"
    )


def _cell(cells: list[str], place: int) -> str:
    return cells[place].strip() if place < len(cells) else ""
