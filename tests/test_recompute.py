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


def t975(df):
    """The quantile of Student's t: its density is integrated, and the limit is bisected."""
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    low, high = 0.0, 100.0
    for _ in range(50):
        middle = (low + high) / 2
        x = middle * np.linspace(0, 1, 4001) ** 3
        y = scale * (1 + x**2 / df) ** (-(df + 1) / 2)
        area = np.sum((y[1:] + y[:-1]) / 2 * np.diff(x))
        low, high = (middle, high) if area < 0.475 else (low, middle)
    return low


def half_width(y):
    """Of the mean, over episodes; with several seeds over both, after Satterthwaite."""
    s, t = y.shape
    if s == 1:
        return t975(t - 1) * y.std(ddof=1) / math.sqrt(t)
    seed = t * y.mean(axis=1).var(ddof=1)
    episode = s * y.mean(axis=0).var(ddof=1)
    rest = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    rest = (rest**2).sum() / ((s - 1) * (t - 1))
    total = max(seed + episode - rest, seed, episode)
    freedom = seed**2 / (s - 1) + episode**2 / (t - 1) + rest**2 / ((s - 1) * (t - 1))
    df = total**2 / freedom
    return t975(min(df, s - 1) if s < 4 else df) * math.sqrt(total / (s * t))


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


def test_differences_of_the_board():
    board = json.loads((ROOT / "board.json").read_text())
    rows = {row["id"]: row for one in board["boards"] for row in one["measured"]}
    for pool in board["pools"]:
        means = [
            accuracies(" ".join(rows[one]["results"]))[:, : pool["episodes"]].mean()
            for one in pool["rows"]
        ]
        pairs = itertools.combinations(means, 2)
        found = [a - b for a, b in pairs]
        np.testing.assert_allclose(pool["difference"], found, atol=6e-7)
