"""Stored results, found under one folder and put together seed by seed.

Files that can't be used are named, one line each, and do not keep the others from being read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.errors import FsbenchError
from fewshot_bench.evaluation.compact import list_sha256
from fewshot_bench.evaluation.result import RESULT, Result, configuration, read_result
from fewshot_bench.evaluation.schema import check_shape
from fewshot_bench.files import safe_name, sha256

ID_DIGITS = 12
MIN_EPISODES = 600  # with fewer a row is shown but not ranked


@dataclass(frozen=True, eq=False)
class Stored:
    """What a folder of results holds.

    Attributes:
        rows: row id -> results of one configuration, by training seed.
        folders: result id -> where it lies.
        problems: one line for each file that could not be used.
    """

    rows: dict[str, tuple[Result, ...]]
    folders: dict[str, Path]
    problems: tuple[str, ...]


def read_stored(root: Path) -> Stored:
    """Read all results under a folder, in the order of their paths. Never raises for a bad file."""
    folders: dict[str, Path] = {}
    groups: dict[str, dict[int, Result]] = {}
    problems: list[str] = []
    for folder, result in _read_all(root):
        if isinstance(result, str):
            problems.append(result)
            continue
        row, seed = row_id(result), result.info["checkpoint"]["training_seed"]
        if seed in groups.setdefault(row, {}):
            line = f"{folder}: training seed {seed} of this configuration is there twice"
            problems.append(one_line(line))
            continue
        groups[row][seed] = result
        folders[result.info["result_id"]] = folder
    rows = {row: tuple(seeds[s] for s in sorted(seeds)) for row, seeds in sorted(groups.items())}
    return Stored(rows, folders, tuple(problems))


def _read_all(root: Path) -> Iterator[tuple[Path, Result | str]]:
    """Each result, or one line that says what is wrong with it."""
    for file in sorted(root.rglob(RESULT)):
        try:
            result = read_result(file.parent)
            check_shape(result)
        except FsbenchError as error:
            text = one_line(str(error))
            yield file.parent, text if str(file.parent) in text else f"{file.parent}: {text}"
        except Exception as error:  # whatever a hostile file makes of it, the rest is still read
            yield file.parent, one_line(f"{file.parent}: not a result ({error!r})")
        else:
            yield file.parent, result


def row_id(result: Result) -> str:
    """Identity of a configuration; the same for all its training seeds."""
    source = configuration(result.info) + pool_id(result)
    return f"m-{sha256(source.encode())[:ID_DIGITS]}"


def pool_id(result: Result) -> str:
    """The same for results on the same episodes of the same data."""
    protocol = result.info["protocol"]
    source = (
        result.info["dataset"]["id"],
        result.info["dataset"]["fingerprint"],
        protocol["id"],
        repr(sorted(protocol["sampler"].items())),
        list_sha256(result.columns["episode_hash"][:MIN_EPISODES]),
    )
    return f"pool-{sha256(repr(source).encode())[:ID_DIGITS]}"


def place(result: Result) -> Path:
    """Where a result belongs: ``<benchmark>/<way>-<shot>/<method>/<result id>``."""
    info = result.info
    shape = f"{info['protocol']['way']}-{info['protocol']['shot']}"
    parts = (info["dataset"]["id"], shape, info["method"]["id"], info["result_id"][:ID_DIGITS])
    return Path(*map(safe_name, parts))


def one_line(text: str) -> str:
    """Text of unknown origin, fit for a line of a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)[:500]


def seeds_of(results: Sequence[Result]) -> list[int]:
    """Training seeds of a row."""
    return [result.info["checkpoint"]["training_seed"] for result in results]
