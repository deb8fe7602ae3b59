"""Large arrays on disk: whole or absent, and never begun anew without need."""

import numpy as np
import pytest

from fewshot_bench.data import array_file
from fewshot_bench.data.array_file import read_rows, write_rows
from fewshot_bench.errors import DataError

N, SIZE = 23, 5
VALUES = np.arange(N * 6, dtype=np.float32).reshape(N, 2, 3)


class Source:
    """Gives rows, remembers which, and fails at one of them."""

    def __init__(self, fail_at=N + 1):
        self.asked, self.fail_at = [], fail_at

    def __call__(self, start, stop):
        self.asked.append(start)
        if start >= self.fail_at:
            raise KeyboardInterrupt
        return VALUES[start:stop]


@pytest.mark.parametrize("limit", [0, 1 << 20])
def test_what_was_written_is_read(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(array_file, "IN_MEMORY", limit)
    told = []
    write_rows(tmp_path / "a.npy", N, SIZE, Source(), told.append)
    values, guard = read_rows(tmp_path / "a.npy", N)
    assert isinstance(values, np.memmap) == (guard is not None) == (limit == 0)
    assert np.array_equal(values, VALUES)
    assert told == [5, 10, 15, 20, 23]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "a.npy.blocks"]
    assert np.array_equal(np.load(tmp_path / "a.npy"), VALUES)  # an ordinary file


def test_a_stopped_writer_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(array_file, "SAVE_SECONDS", -1)
    path = tmp_path / "a.npy"
    with pytest.raises(KeyboardInterrupt):
        write_rows(path, N, SIZE, Source(fail_at=15))
    assert not path.exists()
    with (tmp_path / "a.npy.part").open("ab") as file:
        file.write(b"half a row")  # on the disk, but not known to be
    again = Source()
    write_rows(path, N, SIZE, again)
    assert again.asked == [0, 15, 20]  # the first block tells shape and type
    assert np.array_equal(np.load(path), VALUES)


@pytest.mark.parametrize("mark", ["", "x", "-5", "1000", "20"])
def test_a_mark_that_does_not_fit_the_file_is_not_believed(tmp_path, mark):
    (tmp_path / "a.npy.part").write_bytes(b"short")
    (tmp_path / "a.npy.rows").write_text(mark)
    write_rows(tmp_path / "a.npy", N, SIZE, Source())
    assert np.array_equal(np.load(tmp_path / "a.npy"), VALUES)


def test_a_damaged_file_says_so_in_one_line(tmp_path):
    path = tmp_path / "a.npy"
    write_rows(path, N, SIZE, Source())
    with pytest.raises(DataError, match=r"has not 24 rows; remove it"):
        read_rows(path, N + 1)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match=r"is damaged .*; remove it"):
        read_rows(path, N)
