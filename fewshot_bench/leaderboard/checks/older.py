"""Documents of older schema versions, which tell less: only those that were accepted in their time.

Whoever claims an older schema need not tell the group of training seeds, the split or the stages of
training. What is measured today is written in the schema of today, so the list of accepted ones is
closed: ``older.txt`` beside the results, an id on each line.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from fewshot_bench.evaluation.document import SCHEMA
from fewshot_bench.evaluation.result import Result
from fewshot_bench.reading import read_text

OLDER = "older.txt"


def accepted(root: Path) -> frozenset[str]:
    """Ids of the results of older schemas that a leaderboard accepted; none without the file."""
    path = root / OLDER
    if not path.is_file():
        return frozenset()
    lines = (line.strip() for line in read_text(path).splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def older_schema(results: Sequence[Result], known: Collection[str]) -> Iterator[tuple[Result, str]]:
    """Results that claim an older schema and are none of those that were accepted in it."""
    for result in results:
        document = result.document
        if document.schema_version < SCHEMA and document.result_id not in known:
            yield (
                result,
                f"it is of schema {document.schema_version}, which today's results are not; measure"
                " it with this version",
            )
