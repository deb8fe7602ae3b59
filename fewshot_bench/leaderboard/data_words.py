"""What the images of measured rows are, in words, so that nobody takes a part for the whole."""

import re

from fewshot_bench.leaderboard.board import Pool

PARTIAL = re.compile(r"-partial-(\d{1,9})-of-(\d{1,9})")


def part_of(fingerprint: str) -> str:
    """``123 of 608 classes`` where a store lacks classes of its benchmark; "" where it has all."""
    found = PARTIAL.search(fingerprint)
    return f"{found[1]} of {found[2]} classes" if found else ""


def data_in_short(pool: Pool) -> str:
    """Which part of the benchmark at which size: ``123 of 608 classes, 32x32``."""
    return ", ".join(filter(None, (pool.partial, pool.resize.partition(",")[0])))


def data_in_words(pool: Pool) -> str:
    """Images, episodes and what people noted of the data, in one or two sentences."""
    part = f", only {pool.partial} of the benchmark (published rows have all)"
    size = f" ({pool.resize})" if pool.resize else ""
    words = (
        f"Data {pool.fingerprint[:12]}{part if pool.partial else ''}: {pool.classes}"
        f" {pool.split} classes, {pool.images} images{size}; {pool.episodes} common episodes"
        f" ({pool.sampler}){_queries(pool)}."
    )
    return f"{words} Note: {pool.note.removesuffix('.')}." if pool.note else words


def _queries(pool: Pool) -> str:
    if pool.query is None:
        return ""
    mean = " in the mean" if pool.sampler.startswith("dirichlet") else ""
    return f", {pool.query} queries per class{mean}"
