"""Stored results, found under one folder and put together seed by seed.

Files that can't be used are named, one line each, and do not keep the others from being read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.errors import FsbenchError, one_line
from fewshot_bench.evaluation.compact import list_sha256
from fewshot_bench.evaluation.identity import configuration
from fewshot_bench.evaluation.result import RESULT, Result, read_result
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


def read_stored(*roots: Path) -> Stored:
    """Read all results under some folders, in the order of their paths.

    Never raises for a bad file.
    """
    folders: dict[str, Path] = {}
    groups: dict[str, dict[int, Result]] = {}
    problems: list[str] = []
    for folder, result in _read_all(roots):
        if isinstance(result, str):
            problems.append(result)
            continue
        seeds, seed = groups.setdefault(row_id(result), {}), seed_of(result)
        if (first := seeds.get(seed)) is not None:
            there = folders[first.document.result_id]
            problems.append(short_line(twice(folder, result, there, first)))
            continue
        seeds[seed] = result
        folders[result.document.result_id] = folder
    rows = {row: tuple(seeds[s] for s in sorted(seeds)) for row, seeds in sorted(groups.items())}
    return Stored(rows, folders, tuple(problems))


def twice(folder: Path, result: Result, there: Path, first: Result) -> str:
    """One line: two results are of one seed and configuration, and which to remove.

    The one that tells less goes: fewer episodes, or fewer seeds beside it. Where both tell as much,
    people must choose.
    """
    mine, other = (
        (len(one.accuracy), len(one.document.checkpoint.seed_group)) for one in (result, first)
    )
    advice = f"remove {folder if mine < other else there}, which has fewer episodes or seeds"
    if mine == other:
        advice = "remove one of them"
    return (
        f"{folder}: training seed {seed_of(result)} of this configuration is there twice, in"
        f" {there} too ({mine[0]} and {other[0]} episodes); {advice}"
    )


def _read_all(roots: Sequence[Path]) -> Iterator[tuple[Path, Result | str]]:
    """Each result, or one line that says what is wrong with it; one file comes once."""
    files = {file.resolve(): file for root in roots for file in sorted(root.rglob(RESULT))}
    for file in files.values():
        try:
            result = read_result(file.parent)
        except FsbenchError as error:
            text = short_line(str(error))
            yield file.parent, text if str(file.parent) in text else f"{file.parent}: {text}"
        except Exception as error:  # whatever a hostile file makes of it, the rest is still read
            yield file.parent, short_line(f"{file.parent}: not a result ({error!r})")
        else:
            yield file.parent, result


def row_id(result: Result) -> str:
    """Identity of a configuration; the same for all its training seeds."""
    source = configuration(result.document) + pool_id(result)
    return f"m-{sha256(source.encode())[:ID_DIGITS]}"


def pool_id(result: Result) -> str:
    """The same for results on the same episodes of the same data."""
    dataset, protocol = result.document.dataset, result.document.protocol
    source = (
        dataset.id,
        dataset.fingerprint,
        protocol.id,
        repr(sorted(protocol.sampler.identity().items())),
        list_sha256(result.columns["episode_hash"][:MIN_EPISODES]),
    )
    return f"pool-{sha256(repr(source).encode())[:ID_DIGITS]}"


def place(result: Result) -> Path:
    """Where a result belongs: ``<benchmark>/<task>/<method>/<result id>``."""
    document = result.document
    parts = (document.dataset.id, document.protocol.slug, document.method.id, document.result_id)
    return Path(*map(safe_name, (*parts[:3], parts[3][:ID_DIGITS])))


def short_line(text: str) -> str:
    """Text of unknown origin, fit for a line of a terminal."""
    return one_line(text)[:500]


def seed_of(result: Result) -> int:
    """Its training seed."""
    return result.document.checkpoint.training_seed
