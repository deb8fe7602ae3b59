"""How fast the leaderboard's page opens and sorts in Chromium; run by hand, never a test.

    python benchmarks/page.py [rows]

Prints medians in milliseconds beside the budget. Rows lie on one board and in one pool, which is
the worst case: all are shown at once, and half a million paired differences come with them.
"""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from fewshot_bench.leaderboard.board import Board, Leaderboard, Pool, Row
from fewshot_bench.leaderboard.page import render_page

TASK = {"benchmark": "glyphs", "way": 5, "shot": 1}
REPEATS = 5
# Runs before the page: notes when the frame with all rows has been painted.
WATCH = """
new MutationObserver((_, watcher) => {
  if (!document.querySelector("#rows tr")) return;
  watcher.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
# Times from the start of loading until then, and until all has been read.
OPENED = """
const [navigation] = performance.getEntriesByType("navigation");
return [window.painted, navigation.loadEventEnd];
"""
PAUSE = 1.0  # seconds, so that both have happened
# Time of each header's click with the layout that follows it.
SORTED = """
return [...document.querySelectorAll("#headers button")].map((button) => {
  const start = performance.now();
  button.click();
  document.body.getBoundingClientRect();
  return performance.now() - start;
});
"""


def made_up(n: int) -> Leaderboard:
    """Return n measured rows on one board, all compared with each other."""
    means = [0.9 - 0.5 * i / n for i in range(n)]
    rows = tuple(
        Row(
            id=f"row-{i}",
            kind="measured",
            method=f"method-{i * 7919 % n}",
            backbone=("conv4-32", "conv4-64", "resnet12")[i % 3],
            setting="inductive",
            accuracy=mean,
            low=mean - 0.006,
            high=mean + 0.006,
            interval="method",
            seeds=3,
            episodes=1000,
            rank=(i + 1, i + 1),
            mde80=0.008,
            time_s=0.001 * (i * 31 % n + 1),
            memory=10**8 + i,
            pool="pool",
            **TASK,
        )
        for i, mean in enumerate(means)
    )
    pairs = [a - b for a, b in itertools.combinations(means, 2)]
    pool = Pool(
        id="pool",
        query=15,
        split="test",
        fingerprint="f",
        sampler="replacement, seed 0",
        episodes=1000,
        classes=20,
        images=400,
        rows=tuple(row.id for row in rows),
        difference=tuple(pairs),
        half_width=tuple(0.005 + d / 100 for d in pairs),
        p_holm=tuple(0.01 / (1 + 100 * d) for d in pairs),
        closed=(False,) * len(pairs),
        **TASK,
    )
    board = Board(
        id="glyphs/5-1/inductive", setting="inductive", measured=rows, published=(), **TASK
    )
    return Leaderboard(boards=(board,), pools=(pool,))


def chromium(profile: str) -> webdriver.Chrome:
    """Start a headless browser from the system's chromium and chromedriver."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for switch in ("--headless", "--disable-gpu", "--disable-quic", f"--user-data-dir={profile}"):
        options.add_argument(switch)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    return webdriver.Chrome(options, Service(shutil.which("chromedriver")))


def main() -> None:
    """Render, open, sort, and print what each took."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "index.html"
        leaderboard = made_up(n)
        start = time.perf_counter()
        page.write_text(render_page(leaderboard), encoding="utf-8")
        rendered = 1000 * (time.perf_counter() - start)
        browser = chromium(f"{folder}/profile")
        try:
            opened, sorts = [], []
            browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
            for _ in range(REPEATS):
                browser.get(page.as_uri())
                time.sleep(PAUSE)
                opened.append(browser.execute_script(OPENED))
                sorts += browser.execute_script(SORTED)
        finally:
            browser.quit()
        print(f"{n} rows, {page.stat().st_size / 1e6:.1f} MB, rendered in {rendered:.0f} ms")
        painted, loaded = map(statistics.median, zip(*opened, strict=True))
        print(f"painted {painted:6.0f} ms   (budget 500)")
        print(f"loaded  {loaded:6.0f} ms   (with all paired differences)")
        print(f"sorted  {statistics.median(sorts):6.0f} ms   (budget 500)")
        print(f"slowest {max(sorts):6.0f} ms")


if __name__ == "__main__":
    main()
