"""Stored results as cells of training x adaptation."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from fewshot_bench.errors import StatisticsError
from fewshot_bench.evaluation.document import Document
from fewshot_bench.evaluation.entrants import Entrant
from fewshot_bench.evaluation.intervals import interval_of
from fewshot_bench.evaluation.pretraining import distinct_pretrainings, pretraining_words
from fewshot_bench.leaderboard.plots.grid import Cell, grid_plot


def on_embeddings(entrants: Sequence[Entrant]) -> list[Entrant]:
    """Those that adapt a trained embedding as it is, without a training of their own."""
    return [one for one in entrants if pretraining_words(one.results[0].document)]


def grid_cells(entrants: Sequence[Entrant], level: float) -> list[Cell]:
    """A cell for each method, training and number of shots, in the order of these.

    Raises:
        StatisticsError: two results belong into one cell, or none into any.
    """
    documents = [one.results[0].document for one in entrants]
    if not entrants:
        raise StatisticsError(
            "every method here has a training of its own; a heat map needs others"
        )
    cells: dict[tuple[str, str, str], Cell] = {}
    for entrant, words in zip(entrants, distinct_pretrainings(documents), strict=True):
        document = entrant.results[0].document
        one = interval_of(entrant.results, "closed", level)
        panel = _shots(document)
        key = words, entrant.name, panel
        if key in cells:
            raise StatisticsError(f"{entrant.name}, {words}, {panel}: two results; name one")
        cells[key] = Cell(*key, one.mean, one.half_width)
    shots = {_shots(document): document.protocol.shot or 0 for document in documents}
    return sorted(cells.values(), key=lambda cell: shots[cell.panel])


def _shots(document: Document) -> str:
    shot = document.protocol.shot
    return "varied shots" if shot is None else f"{shot}-shot"


def same_sampler(document: Document) -> tuple[str, ...]:
    """What all results in a picture have in common, in words."""
    protocol = document.protocol
    ways = "varied ways" if protocol.way is None else f"{protocol.way}-way"
    return document.dataset.id, ways, protocol.sampler.words


def trainings_plot(entrants: Sequence[Entrant], level: float, seeds: str) -> Figure:
    """Rows are trainings, columns methods; what is left out is said below.

    Args:
        entrants: on one benchmark and sampler, with one number of ways.
        level: of the intervals.
        seeds: how many there are, in words.
    """
    shown = on_embeddings(entrants)
    cells = grid_cells(shown, level)
    document = entrants[0].results[0].document
    title = f"{', '.join(filter(None, same_sampler(document)))}, accuracy in %"
    estimand = interval_of(shown[0].results, "closed", level).estimand
    note = f"{100 * level:g}% {estimand} intervals, {seeds}"
    if left := sorted({one.name for one in entrants} - {one.name for one in shown}):
        note += f"\nnot shown: {', '.join(left)}, trained as a whole"
    return grid_plot(cells, title, note)
