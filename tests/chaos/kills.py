"""``kill -9`` of commands that write: ``python -m tests.chaos.kills --kills N [--all]``.

Each command is killed at random moments, with all that it started, and begun again, until it ends;
what it made is what it makes when nobody kills it. Prints what is otherwise; exit code 1 then.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from numpy.random import Generator, Philox

from tests.chaos.pairs import alone
from tests.chaos.writers import WRITERS, Writer, ended, new_root, said, start

LIVES = 5  # of a command, until it is left alone


def under_fire(writer: Writer, root: Path, seconds: float, random: Generator) -> tuple[int, str]:
    """Kill a command a few times, then let it end; the kills, and what is wrong.

    Args:
        writer: the command.
        root: where it works.
        seconds: how long it takes when nobody kills it.
        random: draws the moments.
    """
    new_root(root)
    kills = 0
    for _ in range(LIVES - 1):
        pid = start(writer.words(root), root)
        time.sleep(random.uniform(0, seconds))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if ended(pid) == -signal.SIGKILL:
            kills += 1
    pid = start(writer.words(root), root)
    code = ended(pid)
    return kills, f"{writer.name} ends with {code}: {said(root, pid)[-300:]}" if code else ""


def run(writers: tuple[Writer, ...], most: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Kills of each command, and what was wrong."""
    random, wrong, kills = Generator(Philox(seed)), [], Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "root")
        expected, seconds = {}, {}
        for writer in writers:
            begin = time.monotonic()
            expected[writer.name] = alone(writer, root)
            seconds[writer.name] = time.monotonic() - begin
        while kills.total() < most:
            before = kills.total()
            for writer in writers:
                count, text = under_fire(writer, root, seconds[writer.name], random)
                kills[writer.name] += count
                if not text and writer.made(root) != expected[writer.name]:
                    text = f"{writer.name} made something else"
                wrong += [text] if text else []
                print(f"{writer.name}: {count} kills, {text or 'nothing lost'}", flush=True)
            if kills.total() == before:
                wrong.append("no command lives long enough to be killed")
                break
    return kills, wrong


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="those that train, too")
    chosen = parser.parse_args()
    writers = tuple(writer for writer in WRITERS if writer.cheap or chosen.all)
    kills, wrong = run(writers, chosen.kills, chosen.seed)
    print("\n".join(wrong))
    print(f"{kills.total()} kills ({dict(kills)}), {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
