"""Full disks and killed processes: no half-written store is ever taken for a whole one."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fewshot_bench.data import writer
from fewshot_bench.data.library import make, open_benchmark, store_folder
from fewshot_bench.errors import DataError, FsbenchError

from .tiny_sources import folder_tree, write

PREPARE = """
import resource, signal, sys
from pathlib import Path
from fewshot_bench.data import writer
from fewshot_bench.data.library import make
from fewshot_bench.errors import FsbenchError

def limit():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

def hang():
    append = writer.StoreWriter._append
    def slow(self, *args):
        append(self, *args)
        if self.count == 7:
            self._file.flush()
            print("half", flush=True)
            sys.stdin.read()
    writer.StoreWriter._append = slow

globals()[sys.argv[2]]()
try:
    make(f"folder:{sys.argv[1]}")
except FsbenchError as error:
    sys.exit(str(error))
"""
posix = pytest.mark.skipif(os.name != "posix", reason="resource limits and signals are POSIX")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return folder_tree(tmp_path / "in")


def leftovers() -> list[str]:
    folder = store_folder("omniglot").parent
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    return sorted(name for name in names if not name.endswith((".lock", ".holder")))


@posix
def test_a_full_disk_leaves_nothing(source: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PREPARE, source, "limit"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("can't write ")
    assert "File too large; nothing half-written was kept" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert leftovers() == []


def test_no_space_when_the_last_bytes_are_flushed(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writer, "flush", full)
    with pytest.raises(FsbenchError, match="No space left on device; nothing half-written"):
        make(f"folder:{source}")
    assert leftovers() == []


def test_a_failed_prepare_keeps_the_store_that_was_there(source: Path) -> None:
    spec = f"folder:{source}"
    before = open_benchmark(spec).manifest.fingerprint
    write(source / "train/ant/99.png", b"damaged")
    with pytest.raises(DataError, match="1 image damaged"):
        make(spec)
    assert len(leftovers()) == 1
    (source / "train/ant/99.png").unlink()
    assert open_benchmark(spec).manifest.fingerprint == before


@posix
def test_a_killed_prepare_is_never_taken_for_a_store(source: Path) -> None:
    spec = f"folder:{source}"
    with subprocess.Popen(
        [sys.executable, "-c", PREPARE, source, "hang"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    draft, *others = leftovers()
    assert not others
    assert draft.startswith(f".{store_folder(spec).name}.")
    half = (store_folder(spec).parent / draft / "images.bin").stat().st_size
    assert half == 7 * 3 * 84 * 84
    assert not store_folder(spec).exists()
    store = open_benchmark(spec)
    assert len(store.images) == 15
    assert leftovers() == [store_folder(spec).name]


@posix
def test_a_second_process_waits_and_takes_the_store_of_the_first(source: Path) -> None:
    spec = f"folder:{source}"
    opening = "import sys; from fewshot_bench.data.library import open_benchmark as o\n"
    opening += "from fewshot_bench.data import library\n"
    opening += "library.prepare = None\nprint(len(o(sys.argv[1]).images))"
    with subprocess.Popen(
        [sys.executable, "-c", PREPARE, source, "hang"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "half\n"
        command = [sys.executable, "-c", opening, spec]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second:
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(1)
            first.communicate("", timeout=60)
            assert second.communicate(timeout=60)[0] == "15\n"
    assert first.returncode == 0
    assert leftovers() == [store_folder(spec).name]


def test_a_store_without_manifest_is_prepared_again(source: Path) -> None:
    store = open_benchmark(f"folder:{source}")
    (store.folder / "store.json").unlink()
    assert len(open_benchmark(f"folder:{source}").images) == 15
