"""Sources that come as tar or zip files, unpacked to a scratch folder and removed afterwards."""

import contextlib
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from fewshot_bench.errors import DataError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip")
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    RuntimeError,  # a zip with a password, or with a compression that zipfile does not know
)


@contextlib.contextmanager
def unpacked(archives: Sequence[Path], scratch: Path) -> Iterator[Path]:
    """Yield a folder with the content of all archives side by side; ``scratch`` must not exist yet.

    Raises:
        DataError: an archive is truncated, damaged or tries to write outside its folder.
    """
    try:
        scratch.mkdir(parents=True)
        for archive in archives:
            _unpack(archive, scratch)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def is_archive(path: Path) -> bool:
    """Whether this is a file with the suffix of an archive."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def _unpack(archive: Path, target: Path) -> None:
    try:
        if archive.suffix.lower() == ".zip":
            _unzip(archive, target)
        else:
            _untar(archive, target)
    except tarfile.FilterError as error:
        raise DataError(f"{archive} is refused: it wants to write outside ({error})") from error
    except _DAMAGED as error:
        reason = str(error).partition("\n")[0].rstrip(":")  # tarfile tells a line for each format
        raise DataError(f"{archive} is truncated or damaged ({reason}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{archive} can't be unpacked: {error.strerror or error}") from error


def _unzip(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            if _leaves(member.filename):
                raise DataError(
                    f"{archive} is refused: it wants to write outside ({member.filename!r})"
                )
            # Some programs on Windows write backslashes, against the format's rules.
            member.filename = member.filename.replace("\\", "/")
            zipped.extract(member, target)


def _leaves(name: str) -> bool:
    paths = PurePosixPath(name), PureWindowsPath(name)
    return any(path.is_absolute() or path.drive or ".." in path.parts for path in paths)


def _untar(archive: Path, target: Path) -> None:
    if archive.suffix.lower() == ".tar":
        _check_end(archive)
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")


def _check_end(archive: Path) -> None:
    """A plain tar ends in two empty blocks; one that was cut between two files lacks only them."""
    with archive.open("rb") as file:
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(max(0, size - 1024))
        if size < 1024 or any(file.read(1024)):
            raise EOFError("its end is missing")
