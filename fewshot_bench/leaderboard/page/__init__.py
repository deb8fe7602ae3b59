"""The leaderboard as one HTML file that needs nothing else: no server, no network."""

import base64
import dataclasses
import hashlib
import json
import math
from pathlib import Path
from string import Template
from typing import Any

from fewshot_bench.leaderboard.board import Leaderboard, Pool, Row
from fewshot_bench.leaderboard.data_words import data_in_short, data_in_words

FOLDER = Path(__file__).parent
SCRIPTS = (
    "values.js",
    "legend.js",
    "groups.js",
    "table.js",
    "charts.js",
    "slope.js",
    "compare.js",
    "address.js",
    "start.js",
)


def render_page(leaderboard: Leaderboard) -> str:
    """Return the page; the same leaderboard gives the same text.

    Text from files reaches the page only as JSON, in which ``<`` is escaped, and the script turns
    it into text nodes. Should either fail, the page's own policy still runs no other script.
    """
    pools = {pool.id: pool for pool in leaderboard.pools}
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    script = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}"
    return Template((FOLDER / "template.html").read_text(encoding="utf-8")).substitute(
        policy=policy,
        style=style,
        script=script,
        rows=_json([_row(row, pools.get(row.pool)) for row in leaderboard.rows().values()]),
        pools=_json({pool_id: _pool(pool) for pool_id, pool in pools.items()}),
    )


def _row(row: Row, pool: Pool | None) -> dict[str, Any]:
    """What is known of a row and its images, without what the page doesn't show."""
    table = dataclasses.asdict(row)
    table["results"], table["task"] = (), row.task
    table["data"] = data_in_short(pool) if pool else ""
    table["learned"] = "" if row.learned == "own" else row.learned
    known = {key: value for key, value in table.items() if value not in (None, "", ())}
    return {key: value for key, value in known.items() if value is not False}


def _pool(pool: Pool) -> dict[str, Any]:
    """The pairs of a pool in few characters: there may be half a million of them.

    Differences are in thousandths of a point, p values in millionths, rounded up so that rounding
    tells no pair apart.
    """
    return {
        "rows": pool.rows,
        "about": data_in_words(pool),
        "episodes": pool.episodes,
        "difference": [round(1e5 * value) for value in pool.difference],
        "half_width": [round(1e5 * value) for value in pool.half_width],
        "p_holm": [math.ceil(1e6 * value) for value in pool.p_holm],
        "closed": "".join("01"[value] for value in pool.closed),
    }


def _json(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it opens or closes a tag."""
    text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _hash(source: str) -> str:
    """The source of an inline element as the page's policy names it."""
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
