"""``board.json``: a leaderboard on disk, written and read."""

import dataclasses
from pathlib import Path
from typing import Any

from fewshot_bench.errors import ResultError
from fewshot_bench.files import dump_json, load_json
from fewshot_bench.leaderboard.board import SCHEMA, Board, Leaderboard, Pool, Row


def dump_board(leaderboard: Leaderboard) -> bytes:
    """The canonical JSON document."""
    table = dataclasses.asdict(leaderboard)
    for board in table["boards"]:
        for part in (board, *board["measured"], *board["published"]):
            for name, usual in _USUAL.items():  # documents of earlier versions don't have them
                if part.get(name) == usual:
                    del part[name]
    return dump_json(table)


def load_board(path: Path) -> Leaderboard:
    """Read ``board.json``.

    Raises:
        ResultError: of a newer schema, or not a leaderboard.
        DataError: missing or damaged.
    """
    document = load_json(path)
    if not isinstance(document, dict) or not isinstance(document.get("schema"), int):
        raise ResultError(f"{path} is not a leaderboard of fewshot_bench")
    if document["schema"] > SCHEMA:
        raise ResultError(f"{path} is of a newer fewshot_bench; update it")
    try:
        boards = tuple(_board(board) for board in document["boards"])
        pools = tuple(Pool(**_tuples(pool)) for pool in document["pools"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ResultError(f"{path} is not a leaderboard of fewshot_bench: {error}") from error
    return Leaderboard(boards=boards, pools=pools)


def _board(table: dict[str, Any]) -> Board:
    rows = {kind: tuple(Row(**_tuples(row)) for row in table[kind]) for kind in _KINDS}
    return Board(**{**table, **rows})


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}


_KINDS = ("measured", "published")
_USUAL = {
    "learned": "own",
    "trained_on": "",
    "sampler": "",
    "short": False,
    "like": "",
    "rerun": "",
    "training": "",
}
