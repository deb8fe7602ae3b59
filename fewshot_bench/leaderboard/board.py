"""What a leaderboard is made of: rows on boards, and pools of rows that can be compared in pairs.

* A :class:`Row` is one method with one backbone: measured here, or published elsewhere.
* A :class:`Board` holds the rows that answer one question: one benchmark, way, shot and setting.
  Its measured and published rows stand side by side but are different kinds.
* A :class:`Pool` holds measured rows of the same data fingerprint, protocol and episode list, of
  whatever setting. Only rows of one pool are compared in pairs, and only rows of one pool *and*
  one board are ranked together.

All of it is plain numbers and text, so ``board.json`` is its whole form on disk. Accuracies and
differences are fractions. Text comes from files that anybody may have written: whoever renders it
must escape it.
"""

from dataclasses import dataclass
from typing import Literal

from fewshot_bench.evaluation.protocol import task_words

SCHEMA = 1
# Of training classes of the benchmark; of another benchmark; of other data.
LEARNED = ("own", "cross-domain", "external")
SHORT = "short_training"  # the flag of rows that were trained for a few hundred steps
SETTINGS = ("inductive", "transductive_bn", "transductive", "unknown")

Kind = Literal["measured", "published"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a board.

    Attributes:
        id: unique on the whole leaderboard, letters, digits and "-" only.
        kind: ``measured`` (this project ran it and stores every prediction) or ``published``.
        method: registered name, or as published.
        backbone: registered name, or as published.
        benchmark: registered name, or ``folder:<name>``.
        way: classes per episode; None where that varies.
        shot: support images per class; None where that varies.
        setting: one of :data:`SETTINGS`; what a prediction may depend on.
        accuracy: mean, a fraction.
        low: lower limit of the interval; None where none is known.
        high: upper limit.
        interval: what the interval is about: ``closed`` or ``method`` of measured rows (see
            docs/statistics.md), ``ci95``, ``std`` or ``unknown`` of published ones; "" for none.
        flags: words of warning, for instance ``single_seed`` or ``quoted``.
        pre_trained: the backbone was trained on other labels or images first; None if unknown.
        train_val: validation classes were trained on too; None if unknown.
        ensemble: several models vote; None if unknown.
        adaptation: this method is our adaptation of what its paper describes.
        seeds: training seeds; None if unknown.
        episodes: test episodes per seed; None if unknown.
        rank: best and worst rank it may hold among the rows of its board and pool; None where it
            is not ranked, as where it has the board and pool to itself.
        mde80: difference to the leader of that ranking which such a study finds with 80 % power.
        time_s: median seconds per test episode.
        train_s: seconds of training per seed.
        memory: peak bytes on the GPU, or of the process.
        n_params: trained numbers.
        pool: id of its :class:`Pool`, "" for published rows.
        results: ids of the stored results, one per seed.
        source: arXiv id or repository of a published row.
        note: anything else that a reader should know, one line.
        learned: one of :data:`LEARNED`; what the model has seen before.
        trained_on: the same in words; "" for ``own``.
        sampler: how episodes are drawn where not ``uniform``, as ``dirichlet, alpha 2``; else "".
        short: trained for a few hundred steps, where others on this task were trained for longer;
            it stands apart from them.
        like: method of another row from whose predictions these can't be told, else "".
        rerun: ``agrees`` or ``contradicted`` where the row was run again, see
            :mod:`fewshot_bench.leaderboard.rerun`, else "".
        training: how the embedding was trained that the method adapts as it is, in words; "" for
            a method with a training of its own, and for published rows.
    """

    id: str
    kind: Kind
    method: str
    backbone: str
    benchmark: str
    way: int | None
    shot: int | None
    setting: str
    accuracy: float
    low: float | None = None
    high: float | None = None
    interval: str = ""
    flags: tuple[str, ...] = ()
    pre_trained: bool | None = None
    train_val: bool | None = None
    ensemble: bool | None = None
    adaptation: bool = False
    seeds: int | None = None
    episodes: int | None = None
    rank: tuple[int, int] | None = None
    mde80: float | None = None
    time_s: float | None = None
    train_s: float | None = None
    memory: int | None = None
    n_params: int | None = None
    pool: str = ""
    results: tuple[str, ...] = ()
    source: str = ""
    note: str = ""
    learned: str = "own"
    trained_on: str = ""
    sampler: str = ""
    short: bool = False
    like: str = ""
    rerun: str = ""
    training: str = ""

    @property
    def task(self) -> str:
        """Way, shot and sampler in words."""
        return task_words(self.way, self.shot, self.sampler)

    @property
    def apart(self) -> tuple[str, ...]:
        """What sets its board apart from that of other rows of its task and setting."""
        short = ("short-training",) if self.short else ()
        return short if self.learned == "own" else (self.learned, *short)

    @property
    def leads(self) -> bool:
        """May be the best of its ranking: shown in bold."""
        return self.rank is not None and self.rank[0] == 1


@dataclass(frozen=True, kw_only=True)
class Board:
    """Rows of one benchmark, task and setting, whose models have learned from like data.

    Attributes:
        id: ``<benchmark>/<way>-<shot>/<setting>``, with the sampler behind the shot unless that is
            ``uniform``, and at the end what sets it apart, see :attr:`Row.apart`.
        benchmark: as in its rows.
        way: as in its rows.
        shot: as in its rows.
        setting: as in its rows.
        measured: pool by pool, best mean first.
        published: best mean first.
        learned: as in its rows.
        sampler: as in its rows.
        short: as in its rows.
    """

    id: str
    benchmark: str
    way: int | None
    shot: int | None
    setting: str
    measured: tuple[Row, ...]
    published: tuple[Row, ...]
    learned: str = "own"
    sampler: str = ""
    short: bool = False

    @property
    def task(self) -> str:
        """Way, shot and sampler in words."""
        return task_words(self.way, self.shot, self.sampler)


@dataclass(frozen=True)
class Pair:
    """One row minus another.

    Attributes:
        difference: mean difference of accuracies.
        low: lower limit of its 95 % interval, not adjusted for the number of pairs.
        high: upper limit.
        p_holm: p value, adjusted for all pairs of the pool that are of this estimand.
        estimand: ``method`` (trained again with other seeds) or ``closed`` (these trained models).
    """

    difference: float
    low: float
    high: float
    p_holm: float
    estimand: str


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Measured rows on the same episodes, and all their paired differences.

    The last four attributes have an entry for each pair (0, 1), (0, 2), ..., (1, 2), ... of
    ``rows``, first minus second.

    Attributes:
        id: letters, digits and "-".
        benchmark: as in its rows.
        way: as in its rows.
        shot: as in its rows.
        query: query images per class, their mean where they are unequal; None where that varies.
        split: which classes were tested.
        fingerprint: of the images.
        sampler: how episodes are drawn and the seed of the list: ``replacement, seed 0``.
        episodes: how many episodes of the list all rows have in common.
        classes: in the split.
        images: in the split.
        partial: ``123 of 608 classes`` where classes of the benchmark were not there, else "".
        resize: size of the images in pixels and how they were brought to it, in words.
        note: what ``datasets.csv`` says of the data.
        rows: row ids, best mean first.
        difference: mean differences.
        half_width: of their 95 % intervals.
        p_holm: adjusted p values.
        closed: the pair is about these trained models only, since one side has a single seed.
    """

    id: str
    benchmark: str
    way: int | None
    shot: int | None
    query: int | None
    split: str
    fingerprint: str
    sampler: str
    episodes: int
    classes: int
    images: int
    partial: str = ""
    resize: str = ""
    note: str = ""
    rows: tuple[str, ...]
    difference: tuple[float, ...] = ()
    half_width: tuple[float, ...] = ()
    p_holm: tuple[float, ...] = ()
    closed: tuple[bool, ...] = ()

    def pair(self, a: str, b: str) -> Pair:
        """Row ``a`` minus row ``b`` (row ids of this pool); raises ValueError for others."""
        i, j = self.rows.index(a), self.rows.index(b)
        if i == j:
            raise ValueError("a row can't be compared with itself")
        k, sign = pair_index(min(i, j), max(i, j), len(self.rows)), 1 if i < j else -1
        middle, half = sign * self.difference[k], self.half_width[k]
        estimand = "closed" if self.closed[k] else "method"
        return Pair(middle, middle - half, middle + half, self.p_holm[k], estimand)


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """Everything that tables, pictures and the page show.

    Attributes:
        boards: by benchmark, way, shot and setting.
        pools: all that some measured row belongs to.
    """

    boards: tuple[Board, ...] = ()
    pools: tuple[Pool, ...] = ()
    schema: int = SCHEMA

    def rows(self) -> dict[str, Row]:
        """All rows by id."""
        return {row.id: row for board in self.boards for row in (*board.measured, *board.published)}

    def pool(self, row: Row) -> Pool:
        """The pool of a measured row."""
        return next(pool for pool in self.pools if pool.id == row.pool)


def pair_index(i: int, j: int, n: int) -> int:
    """Position of pair i < j among (0, 1), (0, 2), ..., (n - 2, n - 1)."""
    return i * n - i * (i + 1) // 2 + j - i - 1
