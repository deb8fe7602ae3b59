"""``python -m tests.fuzz.run --cases N``: N damaged files for the readers, in turn.

Prints each that is not answered by one line, or that takes longer than the limit; exit code 1 then.
"""

import argparse
import faulthandler
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from fewshot_bench.errors import FsbenchError
from tests.fuzz.mutations import mutated
from tests.fuzz.readers import READERS, Reader

SECONDS = 20.0  # that a reader may take for any input


def outcome(reader: Reader, path: Path) -> str:
    """What is wrong with how a reader takes a file; "" if nothing is."""
    begin = time.monotonic()
    try:
        reader.read(path)
    except FsbenchError as error:
        if "\n" in str(error):
            return f"several lines: {error}"
    except ValueError as error:
        if not reader.decodes:
            return _last(error)
    except Exception as error:
        return _last(error)
    seconds = time.monotonic() - begin
    return f"{seconds:.0f} seconds" if seconds > SECONDS else ""


def _last(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:120]} ({frame.filename}:{frame.lineno})"


def run(cases: int, first: int = 0) -> list[str]:
    """A line for each case that is not answered as it must be."""
    found = []
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        good: dict[str, bytes] = {}
        for reader in READERS:
            folder = Path(scratch, reader.name)
            folder.mkdir()
            reader.make(folder / reader.name)
            good[reader.name] = (folder / reader.name).read_bytes()
        for case in range(first, first + cases):
            reader = READERS[case % len(READERS)]
            path = Path(scratch, reader.name, reader.name)
            path.write_bytes(mutated(good[reader.name], case))
            if wrong := outcome(reader, path):
                found.append(f"case {case}, {reader.name}: {wrong}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    chosen = parser.parse_args()
    faulthandler.dump_traceback_later(600, repeat=True)  # shows where a reader hangs
    found = run(chosen.cases, chosen.first)
    print("\n".join(found[:100]))
    print(f"{chosen.cases} cases, {len(found)} not answered by one line")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
