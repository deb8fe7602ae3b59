"""Two commands that write at once: ``python -m tests.chaos.pairs --rounds N [--all]``.

Both must end well, or one says in one line who holds what; and what they made is what they make
alone. Prints what is otherwise; exit code 1 then.
"""

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

from tests.chaos.writers import WRITERS, Writer, ended, new_root, said, start


def alone(writer: Writer, root: Path) -> object:
    """What a command makes when nothing else happens."""
    new_root(root)
    pid = start(writer.words(root), root)
    if code := ended(pid):
        raise RuntimeError(f"{writer.name} ends with {code}: {said(root, pid)}")
    return writer.made(root)


def together(pair: tuple[Writer, Writer], expected: dict[str, object], root: Path) -> list[str]:
    """What is wrong after two commands that ran at once; [] if nothing is."""
    new_root(root)
    begun = [(writer, start(writer.words(root), root)) for writer in pair]
    codes = [ended(pid) for _, pid in begun]
    wrong = []
    for (writer, pid), code in zip(begun, codes, strict=True):
        name = " and ".join(one.name for one in pair)
        if code and not _is_refusal(said(root, pid), code):
            wrong.append(f"{name}: {writer.name} ends with {code}: {said(root, pid)[-300:]}")
        elif not code:
            wrong += _unlike(name, writer, expected[writer.name], root)
    return [*wrong, *([f"{pair[0].name}: both gave up"] if all(codes) else [])]


def _is_refusal(text: str, code: int) -> bool:
    lines = [line for line in text.splitlines() if line.startswith("fsbench: ")]
    return code == 2 and len(lines) == 1 and "Traceback" not in text


def _unlike(name: str, writer: Writer, expected: object, root: Path) -> list[str]:
    try:
        made = writer.made(root)
    except Exception as error:  # whatever is not whole
        return [f"{name}: what {writer.name} made can't be read: {error!r}"]
    return [] if made == expected else [f"{name}: {writer.name} made something else"]


def run(writers: tuple[Writer, ...], rounds: int) -> tuple[int, list[str]]:
    """How many pairs ran, and what was wrong."""
    wrong, count = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "root")
        expected = {writer.name: alone(writer, root) for writer in writers}
        for _ in range(rounds):
            for pair in itertools.combinations_with_replacement(writers, 2):
                wrong += together(pair, expected, root)
                count += 1
    return count, wrong


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="those that train, too")
    chosen = parser.parse_args()
    writers = tuple(writer for writer in WRITERS if writer.cheap or chosen.all)
    count, wrong = run(writers, chosen.rounds)
    print("\n".join(wrong))
    print(f"{count} pairs of {len(writers)} commands, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
