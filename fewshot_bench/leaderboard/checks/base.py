"""What a check is, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from fewshot_bench.errors import FsbenchError

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        check: name of the check that found it.
        text: what is wrong, without the place of the file.
    """

    check: str
    text: str


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """A question that the files themselves answer.

    Attributes:
        name: for messages, tests and the table in docs/leaderboard.md.
        finds: what it finds, for a table.
        lines: from what is checked to one line for each thing that is wrong.
    """

    name: str
    finds: str
    lines: Callable[[Subject], Iterator[str]]

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """What is wrong; a subject that the check itself can't read is wrong, too."""
        try:
            for line in self.lines(subject):
                yield Finding(self.name, line)
        except FsbenchError as error:
            yield Finding(self.name, str(error))
