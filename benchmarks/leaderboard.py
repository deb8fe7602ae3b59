"""How long the leaderboard takes with many results: made up, written, built, checked.

    python benchmarks/leaderboard.py --results 1000 --episodes 1000

By default the results are those of 34 methods with 3 seeds on 10 boards; ``--boards 1 --seeds 1``
is the worst case, where every pair of rows is compared.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fewshot_bench.evaluation.result import Result, write_result
from fewshot_bench.leaderboard.build import RESULTS, read_leaderboard
from fewshot_bench.leaderboard.check import check_stored
from fewshot_bench.leaderboard.measured import place, read_stored
from fewshot_bench.leaderboard.render import Style, render, write
from tests.leaderboard.synthetic import synthetic


def made_up(results: int, episodes: int, boards: int, seeds: int) -> Iterator[Result]:
    """Results spread over boards, methods and seeds, in that order."""
    methods = -(-results // (boards * seeds))
    for number in range(results):
        rest, seed = divmod(number, seeds)
        board, method = divmod(rest, methods)
        yield synthetic(
            f"method-{method}",
            0.002 * (method % 50),
            seed,
            episodes,
            benchmark=f"benchmark-{board // 2}",
            shot=1 + 4 * (board % 2),
            fingerprint=f"{board // 2:064x}",
            seeds=range(seeds),
        )


def main() -> None:
    """Print one line per phase."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("results", 1000), ("episodes", 1000), ("boards", 10), ("seeds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, help="keep the leaderboard in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.out or Path(scratch)
        began = time.perf_counter()
        counts = (options.results, options.episodes, options.boards, options.seeds)
        for result in made_up(*counts):
            write_result(result, root / RESULTS / place(result))
        size = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
        each = size / options.results / 1000
        print(f"make      {time.perf_counter() - began:6.1f} s   {each:.0f} kB each")
        began = time.perf_counter()
        leaderboard, problems = read_leaderboard(root)
        files = render(leaderboard)
        write(root, files, Style())
        pairs = sum(len(pool.p_holm) for pool in leaderboard.pools)
        page = len(files["index.html"]) / 1e6
        print(
            f"build     {time.perf_counter() - began:6.1f} s   {len(leaderboard.rows())} rows,"
            f" {pairs} pairs, page {page:.1f} MB, {len(problems)} problems"
        )
        began = time.perf_counter()
        reasons = check_stored(read_stored(root / RESULTS), root / RESULTS, {})
        print(f"check     {time.perf_counter() - began:6.1f} s   {len(reasons)} lines")


if __name__ == "__main__":
    main()
