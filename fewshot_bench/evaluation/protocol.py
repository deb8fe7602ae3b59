"""The part of a result's document that says which episodes there were, and how they are called."""

from typing import Annotated, Any, Literal

from pydantic import Field

from fewshot_bench.errors import ResultError
from fewshot_bench.evaluation.model_parts import Digest, Name, Part

DEFAULT_EPISODES, MOST_EPISODES = 1000, 20_000
PREFIXES = (100, 600, 1000, 10000)  # lengths whose list digest is stored, for comparing lists


def task_words(way: int | None, shot: int | None, sampler: str = "") -> str:
    """What is asked, for a title.

    Args:
        way: classes per episode, None where that varies.
        shot: support images per class, None where that varies.
        sampler: see :attr:`Sampler.words`.

    Example:
        >>> task_words(5, 1), task_words(5, 1, "dirichlet, alpha 2")
        ('5-way 1-shot', '5-way 1-shot, dirichlet (alpha 2)')
    """
    name, _, options = sampler.partition(", ")
    drawn = f"{name} ({options})" if options else name
    shape = " ".join(f"{n}-{what}" for n, what in ((way, "way"), (shot, "shot")) if n)
    return ", ".join(filter(None, (shape, drawn)))


def task_slug(way: int | None, shot: int | None, sampler: str = "") -> str:
    """The same for the name of a file or folder.

    Example:
        >>> task_slug(5, 1), task_slug(5, 1, "dirichlet, alpha 2")
        ('5-1', '5-1-dirichlet-2')
    """
    shape = [str(n) for n in (way, shot) if n is not None]
    drawn = [part.split()[-1] for part in sampler.split(", ") if part]  # its name and values
    return "-".join((*shape, *drawn))


class Sampler(Part):
    """Where the list of episodes comes from; ``replacement`` is the old name of ``uniform``."""

    name: str
    version: int
    mode: Name
    seed: int = Field(ge=0)
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def drawing(self) -> str:
        """How episodes are drawn, by its present name."""
        return "uniform" if self.mode == "replacement" else self.mode

    @property
    def words(self) -> str:
        """How episodes are drawn, with its parameters: ``dirichlet, alpha 2``; "" for uniform."""
        if self.drawing == "uniform":
            return ""
        options = (f"{name} {value}" for name, value in sorted(self.options.items()))
        return ", ".join((self.drawing, *options))

    def identity(self) -> dict[str, Any]:
        """What tells one list from another; the same for old and new names."""
        table = {name: getattr(self, name) for name in ("name", "version", "mode", "seed")}
        if self.drawing == "uniform":
            table["mode"] = "replacement"  # as stored results are identified
        return {**table, "options": self.options} if self.options else table


class StopRule(Part):
    """Episodes were added until the closed interval was short enough.

    Attributes:
        fixed_width: wanted half-width, a fraction.
        n0: episodes before the first look.
        level: its confidence level; None in older files, whose configuration has it.
    """

    fixed_width: float
    n0: int = 100
    level: float | None = None


class Protocol(Part):
    """The list of episodes.

    Attributes:
        way, shot, query: the same for every episode; None where a sampler varies it.
        T: number of episodes.
        episode_list_sha256: of all of them.
        prefix_sha256: of the first 100, 600, ... of them.
    """

    id: Name
    way: Annotated[int, Field(ge=2)] | None
    shot: Annotated[int, Field(ge=1)] | None
    query: Annotated[int, Field(ge=1)] | None
    sampler: Sampler
    T: int = Field(ge=1)
    stop_rule: Literal["fixed"] | StopRule = "fixed"
    episode_list_sha256: Digest
    prefix_sha256: dict[str, str] = Field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Way, shot and query; raises ResultError where they vary."""
        if self.way is None or self.shot is None or self.query is None:
            raise ResultError(f"the episodes of {self.id} have no one shape")
        return self.way, self.shot, self.query

    @property
    def slug(self) -> str:
        """Way, shot and sampler for names of files: ``5-1``, ``5-1-dirichlet-2``."""
        return task_slug(self.way, self.shot, self.sampler.words)

    @property
    def words(self) -> str:
        """Way and shot for a title, and how episodes are drawn where that is not ``uniform``."""
        return task_words(self.way, self.shot, self.sampler.words)
