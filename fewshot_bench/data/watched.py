"""Whether the files of a user's folder are those that a store was made of.

Of up to :data:`MANY` files each is looked at: its name, size and time of change. To do that for
hundreds of thousands takes seconds, so of these the folders are looked at, whose times of change
tell of files that came, went or were renamed, and the lists. What was changed in place in such a
large folder, or with its size and time kept in any, is found by ``fsbench data verify``.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from fewshot_bench.data.readers.listed import images, is_list, lists_in
from fewshot_bench.data.walk import is_junk
from fewshot_bench.errors import DataError
from fewshot_bench.reading import parse_json

MANY = 20_000  # files


def listing(source: Path) -> str:
    """What :func:`is_unchanged` needs to know of a folder, a list, or the files that it lists.

    Returns:
        SHA-256 over path, size and time of change of every file; of many files a JSON document
        with the facts of folders and lists, whose paths are relative to the source's folder.

    Raises:
        DataError: the source can't be listed.
    """
    if not source.exists():
        raise DataError(f"{source} does not exist")
    digest, count = hashlib.sha256(), 0
    places: dict[str, str] = {}
    try:
        for name, facts in _files(source, places):
            digest.update(f"{name}\t{facts}\n".encode(errors="surrogateescape"))
            count += 1
    except OSError as error:
        raise DataError(f"{error.filename or source} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source} can't be listed: {error}") from error
    return digest.hexdigest() if count <= MANY else json.dumps(places, sort_keys=True)


def is_unchanged(source: Path, listed: str) -> bool:
    """Whether a source is as it was when it was listed.

    Raises:
        DataError: the source can't be listed.
    """
    if not listed.startswith("{"):
        return listed == listing(source)
    root = str(_root(source))
    try:
        places = parse_json(listed)
    except ValueError:
        return False
    return all(_facts(os.path.join(root, place)) == facts for place, facts in places.items())  # noqa: PTH118


def _root(source: Path) -> Path:
    return source.parent if source.is_file() else source


def _files(source: Path, places: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Name and facts of each file; ``places`` is told those of folders and lists."""
    root = str(_root(source))
    if source.is_file():
        places[source.name] = _facts(str(source))
        yield source.name, places[source.name]
    else:
        yield from _below(root, "", places)
        places.update((file.name, _facts(str(file))) for file in lists_in(source))
    if is_list(source):
        for image in images(source):
            folder = os.path.dirname(image.path)  # noqa: PTH120 - paths are slow by millions
            place = folder.removeprefix(f"{root}/") if folder != root else ""
            if place not in places:
                places[place] = _facts(folder)
            yield image.key, _facts(image.path)


def _below(folder: str, prefix: str, places: dict[str, str]) -> Iterator[tuple[str, str]]:
    places[prefix] = _facts(folder)
    with os.scandir(folder) as entries:
        found = sorted(
            (entry.name, entry.is_dir())
            for entry in entries
            if not entry.name.startswith(".") and not is_junk(entry.name)
        )
    for name, is_folder in found:
        if is_folder:
            yield from _below(f"{folder}/{name}", f"{prefix}{name}/", places)
        else:
            yield f"{prefix}{name}", _facts(f"{folder}/{name}")


def _facts(path: str) -> str:
    """Size and time of change."""
    try:
        facts = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):  # a missing file is reported, with its name, when it is read
        return "missing"
    return f"{facts.st_size}\t{facts.st_mtime_ns}"
