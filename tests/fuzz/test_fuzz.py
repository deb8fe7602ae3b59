"""A fixed number of damaged files, and the inputs that once hung a reader."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from fewshot_bench.data.pickles import load_pickle
from fewshot_bench.data.store import open_store
from fewshot_bench.errors import DataError
from fewshot_bench.reading import parse_json, read_bytes
from tests.fuzz.readers import READERS
from tests.fuzz.run import run


def test_every_reader_answers_damaged_files_with_one_line():
    assert run(10 * len(READERS)) == []


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(OSError, match="not a file"):
        read_bytes(tmp_path / "pipe.png")


def test_a_pickle_of_shared_tuples_is_refused_before_it_is_walked(tmp_path):
    value = (1,)
    for _ in range(60):
        value = (value, value)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(DataError, match="a walk meets"):
        load_pickle(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "text", ["NaN", '"\\ud800"', "[" * 100_000, '{"a":' * 200 + "1" + "}" * 200]
)
def test_what_is_beyond_json_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse_json(text)


def _tiny_store(folder):
    next(reader for reader in READERS if reader.name == "store.json").make(folder / "store.json")
    return folder


def test_a_painted_image_is_found_when_it_is_used(tmp_path):
    pixels = np.memmap(_tiny_store(tmp_path) / "images.bin", dtype=np.uint8, mode="r+")
    pixels[0] ^= 1
    pixels.flush()
    store = open_store(tmp_path)
    with pytest.raises(DataError, match="rows 0 to 5 are not those that were written"):
        store.split("train").check(np.array([2]))


def test_an_array_that_is_cut_while_it_is_used_is_a_line(tmp_path):
    store = open_store(_tiny_store(tmp_path))
    os.truncate(tmp_path / "images.bin", 10)
    with pytest.raises(DataError, match="was cut while it was used"):
        store.split("test").check()


def test_an_edited_mean_is_found_when_the_store_is_opened(tmp_path):
    path = _tiny_store(tmp_path) / "store.json"
    path.write_text(path.read_text().replace("0.5", "0.6", 1))
    with pytest.raises(DataError, match="was edited"):
        open_store(tmp_path)


def test_output_that_can_not_be_written_is_one_line():
    command = [sys.executable, "-m", "fewshot_bench", "list", "methods"]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "fsbench: No space left on device; --traceback shows where\n"
