"""Entrants put together by what they were measured on: only those of one group can be compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fewshot_bench.evaluation.compare import episode_source
from fewshot_bench.evaluation.document import Document
from fewshot_bench.evaluation.entrants import Entrant
from fewshot_bench.files import safe_name


@dataclass(frozen=True, eq=False)
class DataGroup:
    """Entrants on the same images, classes and list of episodes.

    Attributes:
        title: data and task in words; with a part of the fingerprint where others are called alike.
        slug: the same for the name of a file.
        entrants: at least one.
    """

    title: str
    slug: str
    entrants: tuple[Entrant, ...]


def by_data(entrants: Sequence[Entrant]) -> list[DataGroup]:
    """Groups in the order of their first entrants."""
    groups: dict[tuple[str, ...], list[Entrant]] = {}
    for entrant in entrants:
        source = episode_source(entrant.results[0])
        groups.setdefault(tuple(value for value, _ in source.values()), []).append(entrant)
    named = [(_title(same[0]), _slug(same[0]), same) for same in groups.values()]
    titles = [title for title, _, _ in named]
    made = []
    for number, (title, slug, same) in enumerate(named, start=1):
        if titles.count(title) > 1:
            data = same[0].results[0].document.dataset.fingerprint[:8]
            title, slug = f"{title} (data {number}, {data})", f"{slug}-{number}"
        made.append(DataGroup(title, slug, tuple(same)))
    return made


def comparable(entrants: Sequence[Entrant]) -> list[DataGroup]:
    """The groups, if a comparison has something to say: one alone, or some that hold several.

    Entrants that all stand alone come back as one group, whose comparison says what differs.
    """
    groups = by_data(entrants)
    if len(groups) > 1 and all(len(group.entrants) == 1 for group in groups):
        return [DataGroup(groups[0].title, groups[0].slug, tuple(entrants))]
    return groups


def grouped(
    entrants: Sequence[Entrant], alike: Callable[[Document], tuple[str, ...]]
) -> list[DataGroup]:
    """Groups by words that say what is alike in one group, in the order of their first entrants."""
    groups: dict[tuple[str, ...], list[Entrant]] = {}
    for entrant in entrants:
        words = tuple(filter(None, alike(entrant.results[0].document)))
        groups.setdefault(words, []).append(entrant)
    return [
        DataGroup(", ".join(words), safe_name("-".join(words).replace(" ", "-")), tuple(same))
        for words, same in groups.items()
    ]


def _title(entrant: Entrant) -> str:
    document = entrant.results[0].document
    return f"{document.dataset.id}, {document.protocol.words}"


def _slug(entrant: Entrant) -> str:
    document = entrant.results[0].document
    return f"{document.dataset.id}-{document.protocol.slug}"
