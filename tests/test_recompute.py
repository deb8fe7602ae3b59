"""Every measured number of the committed tables again, from predictions, by numpy alone.

Nothing of the package is imported: the formulas are those of docs/statistics.md, written anew.
"""

import csv
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1] / "leaderboards"
RESULTS = {json.loads(f.read_text())["result_id"]: f.parent for f in ROOT.rglob("result.json")}
TABLES = sorted(path.stem for path in (ROOT / "tables").glob("*.csv"))


def accuracies(ids):
    """(seeds, episodes): shares of right queries; query labels count the classes in order."""
    rows = []
    for one in ids.split():
        with np.load(RESULTS[one] / "episodes.npz") as file:
            if file["pred"].ndim < 3:  # unequal queries: labels are drawn again, not stored
                rows.append(file["n_correct"] / file["n_query"])
                continue
            ways = file["pred"].shape[1]
            rows.append((file["pred"] == np.arange(ways)[:, None]).mean(axis=(1, 2)))
    return np.stack(rows)


def tail(t, df):
    """Of Student's t above t: x = sqrt(df) tan(u) turns its density into a power of cos(u)."""
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)
    start = math.atan(t / math.sqrt(df))
    u = start + (math.pi / 2 - start) * np.linspace(0, 1, 4001) ** 3
    y = np.abs(np.cos(u)) ** (df - 1)
    return scale * np.sum((y[1:] + y[:-1]) / 2 * np.diff(u))


def t975(df):
    """The quantile, by bisection."""
    low, high = 0.0, 100.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle, df) > 0.025 else (low, middle)
    return low


def squares(y):
    """Mean squares of (seeds, episodes): of seeds, of episodes, and the rest."""
    s, t = y.shape
    rest = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    parts = t * y.mean(axis=1).var(ddof=1), s * y.mean(axis=0).var(ddof=1)
    return *parts, (rest**2).sum() / ((s - 1) * (t - 1))


def half_width(y):
    """Of the mean, over episodes; with several seeds over both, after Satterthwaite."""
    s, t = y.shape
    if s == 1:
        return t975(t - 1) * y.std(ddof=1) / math.sqrt(t)
    seed, episode, rest = squares(y)
    total = max(seed + episode - rest, seed, episode)
    freedom = seed**2 / (s - 1) + episode**2 / (t - 1) + rest**2 / ((s - 1) * (t - 1))
    df = total**2 / freedom
    return t975(min(df, s - 1) if s < 4 else df) * math.sqrt(total / (s * t))


def judged(a, b):
    """Half-width and p of a mean difference: seeds of both, where both have some, and episodes."""
    d, both = a.mean(axis=0) - b.mean(axis=0), min(len(a), len(b)) > 1
    parts, rest = [(d.var(ddof=1) / len(d), len(d) - 1)], 0.0
    for y in (a, b) if both else ():
        seed, _, residual = squares(y)
        parts.append((seed / y.size, len(y) - 1))
        rest += residual / y.size
    v = max(sum(part for part, _ in parts) - rest, *(part for part, _ in parts), 0.0)
    df = v**2 / sum(part**2 / freedom for part, freedom in parts)
    return t975(df) * math.sqrt(v), 2 * tail(abs(d.mean()) / math.sqrt(v), df)


def holm(p):
    """Adjusted p values: each times the number of those that are no smaller, never falling."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(np.minimum(1, np.arange(len(p), 0, -1) * p[order]))
    return adjusted


@pytest.mark.parametrize("name", TABLES)
def test_accuracies_and_intervals_of_tables(name):
    page = (ROOT / "tables" / f"{name}.md").read_text(encoding="utf-8")
    sheet = (ROOT / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(sheet.splitlines()):
        if row["kind"] == "measured":
            y = accuracies(row["results"])
            mean, half = y.mean(), half_width(y)
            assert float(row["accuracy"]) == pytest.approx(mean, abs=6e-7)
            assert float(row["low"]) == pytest.approx(mean - half, abs=2e-6)
            assert float(row["high"]) == pytest.approx(mean + half, abs=2e-6)
            shown = {f"{100 * mean:.2f} ± {100 * (half + e):.2f}" for e in (-1e-6, 1e-6)}
            assert any(text in page for text in shown), row["method"]


BOARD = json.loads((ROOT / "board.json").read_text())
POOLS = [pool for pool in BOARD["pools"] if len(pool["rows"]) > 1]


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool["id"])
def test_differences_of_the_board(pool):
    rows = {row["id"]: row for one in BOARD["boards"] for row in one["measured"]}
    values = [accuracies(" ".join(rows[i]["results"]))[:, : pool["episodes"]] for i in pool["rows"]]
    pairs = list(itertools.combinations(values, 2))
    found = [a.mean() - b.mean() for a, b in pairs]
    np.testing.assert_allclose(pool["difference"], found, atol=6e-7)
    halves, p = np.array([judged(a, b) for a, b in pairs]).T
    np.testing.assert_allclose(pool["half_width"], halves, atol=2e-6)
    closed = np.array([min(len(a), len(b)) == 1 for a, b in pairs])
    assert pool["closed"] == closed.tolist()
    for kind in (closed, ~closed):
        stored = np.array(pool["p_holm"])[kind]
        np.testing.assert_allclose(stored, holm(p[kind]), rtol=6e-3, atol=1e-300)
