"""What a user should hear of a data set: counts and examples, kept in the store's manifest."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

EXAMPLES = 3


@dataclass(frozen=True)
class Notice:
    """One thing that was noticed.

    Attributes:
        text: what it is, to be read after the count: a plural and words that go with any number,
            as in ``"images of one colour"``.
        count: how often.
        examples: the first by name, at most :data:`EXAMPLES`.
    """

    text: str
    count: int
    examples: tuple[str, ...] = ()

    def line(self) -> str:
        """The same for people.

        >>> Notice("images of one colour", 4, ("ant/1", "ant/2", "ant/7")).line()
        '4 images of one colour (ant/1, ant/2, ant/7, ...)'
        """
        more = ", ..." if self.count > len(self.examples) else ""
        named = f" ({', '.join(self.examples)}{more})" if self.examples else ""
        return f"{counted(self.count, self.text)}{named}"

    def as_json(self) -> dict[str, Any]:
        """The form that stands in manifests."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Notice":
        """Read it back."""
        return cls(str(value["text"]), int(value["count"]), tuple(value["examples"]))


def counted(count: int, text: str) -> str:
    """A count and what it counts, whose first word is a plural.

    >>> counted(2, "classes without images"), counted(1, "classes without images")
    ('2 classes without images', '1 class without images')
    """
    plural, blank, rest = text.partition(" ")
    one = plural.removesuffix("es" if plural.endswith("sses") else "s")
    return f"{count:,} {one if count == 1 else plural}{blank}{rest}"


def noticed(text: str, names: Iterable[str]) -> list[Notice]:
    """One notice that counts the names, or none if there are no names."""
    every = list(names)
    return [Notice(text, len(every), tuple(every[:EXAMPLES]))] if every else []


class Tally:
    """Counts what is noticed image by image, in the order in which it is first seen."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, tuple[str, ...]]] = {}

    def add(self, text: str, name: str) -> None:
        """Count ``text`` once more, for the image or class of this name."""
        count, examples = self._seen.get(text, (0, ()))
        self._seen[text] = count + 1, (*examples, name)[:EXAMPLES]

    def notices(self) -> list[Notice]:
        """All that was counted."""
        return [Notice(text, count, examples) for text, (count, examples) in self._seen.items()]
