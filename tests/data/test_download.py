import dataclasses
import functools
import hashlib
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fewshot_bench.data.benchmark import Benchmark, Download
from fewshot_bench.data.download import fetch, pending
from fewshot_bench.data.readers.folder import FOLDER
from fewshot_bench.errors import DataError

from .tiny_sources import folder_tree, prepared


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves tmp_path/www on this machine only."""
    (tmp_path / "www").mkdir()
    handler = functools.partial(Quiet, directory=str(tmp_path / "www"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def published(tmp_path: Path, server: str, checksum: str = "") -> tuple[Benchmark, Path]:
    tree = folder_tree(tmp_path / "tree")
    path = Path(shutil.make_archive(str(tmp_path / "www/birds"), "zip", tree))
    data = path.read_bytes()
    checksum = checksum or f"md5:{hashlib.md5(data, usedforsecurity=False).hexdigest()}"
    archive = Download(f"{server}/birds.zip", checksum, len(data))
    no_tree = tuple(
        dataclasses.replace(layout, matches=lambda path: (path / "train").is_dir())
        for layout in FOLDER.layouts[:1]
    )
    return dataclasses.replace(FOLDER, downloads=(archive,), layouts=no_tree), path


def test_a_download_is_checked_read_and_kept(tmp_path: Path, server: str) -> None:
    birds, path = published(tmp_path, server)
    assert pending(birds) == path.stat().st_size
    assert len(prepared(birds, None, tmp_path / "a").images) == 15
    assert pending(birds) == 0
    path.unlink()
    assert len(prepared(birds, None, tmp_path / "b").images) == 15


def test_a_wrong_checksum_is_refused(tmp_path: Path, server: str, cache: Path) -> None:
    birds, _ = published(tmp_path, server, "md5:" + "0" * 32)
    with pytest.raises(DataError, match=r"birds\.zip has the wrong checksum") as error:
        prepared(birds, None, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not list(cache.rglob("*.zip"))


def test_no_connection_is_one_line(tmp_path: Path, server: str) -> None:
    birds, path = published(tmp_path, server)
    path.unlink()
    with pytest.raises(DataError, match=r"can't be fetched \(HTTPError\).*--source"):
        fetch(birds)
    with pytest.raises(DataError, match="can't be downloaded: use folder:PATH"):
        fetch(FOLDER)
