"""A part of a benchmark at another size is never shown as if it were the whole."""

import pytest

from fewshot_bench.leaderboard.build import build_leaderboard
from fewshot_bench.leaderboard.data_words import data_in_short, part_of
from fewshot_bench.leaderboard.datasets import Dataset
from fewshot_bench.leaderboard.plots.boards import board_pictures
from fewshot_bench.leaderboard.render import render
from tests.leaderboard.synthetic import forged, synthetic
from tests.leaderboard.test_build import store

PRINT = "f" * 64 + "-partial-123-of-608"
NOTE = "300 images each, from <64>-pixel photographs."
DATASETS = {"tiered-imagenet": {PRINT: Dataset(20, 800, "32x32, aspect ratio not kept", NOTE)}}


@pytest.fixture(scope="module")
def leaderboard(tmp_path_factory):
    facts = {"benchmark": "tiered-imagenet", "fingerprint": PRINT, "episodes": 650}
    results = [synthetic(method, skill, **facts) for method, skill in (("a", 0), ("b", 0.1))]
    return build_leaderboard(store(tmp_path_factory.mktemp("x"), results), [], DATASETS)


@pytest.fixture(scope="module")
def files(leaderboard):
    return {path: data.decode() for path, data in render(leaderboard).items()}


@pytest.mark.parametrize("path", ["tables/tiered-imagenet.md", "tables/tiered-imagenet-5-1.tex"])
def test_captions_say_which_part_of_the_benchmark_was_there(files, path):
    assert "only 123 of 608 classes of the benchmark (published rows have all)" in files[path]
    assert "(32x32, aspect ratio not kept)" in files[path]
    assert "Note: 300 images each, from" in files[path]
    assert "<64>" not in files[path]


def test_the_index_and_the_page_say_it_beside_the_number(files):
    [line] = [line for line in files["README.md"].splitlines() if "tiered" in line]
    assert "| 123 of 608 classes, 32x32; 650 episodes " in line
    assert files["index.html"].count('"data":"123 of 608 classes, 32x32"') == 2
    assert "only 123 of 608 classes of the benchmark" in files["index.html"]


def test_pictures_say_it_below_their_axis(leaderboard):
    figures = dict(board_pictures(leaderboard))
    assert len(figures) == 2
    for figure in figures.values():
        assert "measured on 123 of 608 classes, 32x32" in figure.axes[0].get_xlabel()


def test_a_result_says_its_size_itself_where_nobody_noted_it(tmp_path):
    said = {"resize": "84x84, aspect ratio not kept"}
    result = forged(synthetic(episodes=650), lambda i, c: i["dataset"].update(preprocessing=said))
    stored = store(tmp_path, [result])
    [pool] = build_leaderboard(stored, []).pools
    assert data_in_short(pool) == "84x84"
    assert (pool.partial, pool.note) == ("", "")


def test_whole_benchmarks_have_no_part():
    assert part_of("f" * 64) == ""
    assert part_of(PRINT + "+rotations") == "123 of 608 classes"
