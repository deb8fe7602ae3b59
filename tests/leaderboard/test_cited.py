"""Numbers in pages come from the board, and pages whose numbers differ are named."""

import pytest

from fewshot_bench.errors import DataError
from fewshot_bench.leaderboard.build import build_leaderboard
from fewshot_bench.leaderboard.cited import filled
from tests.cli.common import fsbench
from tests.leaderboard.synthetic import synthetic
from tests.leaderboard.test_build import seeds_of, store

END = "<!-- board end -->"
TASK = "benchmark=glyphs task=5-1"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("project") / "leaderboards"
    store(root, [*seeds_of("protonet", 0.1), *seeds_of("mine", 0.0)])
    return root


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    results = [*seeds_of("protonet", 0.1), *seeds_of("mine", 0.0)]
    return build_leaderboard(store(tmp_path_factory.mktemp("x"), results), [])


def means():
    found = {}
    for name, skill in (("protonet", 0.1), ("mine", 0.0)):
        seeds = [synthetic(name, skill, seed, seeds=range(3)) for seed in range(3)]
        found[name] = sum(one.accuracy.mean() for one in seeds) / 3
    return found


def test_markers_are_filled_with_means_and_differences(board):
    text = (
        f"<!-- board table {TASK} columns=method,accuracy,difference methods=mine,protonet"
        f" against=mine -->old{END} and <!-- board accuracy {TASK} methods=mine -->1{END}."
        f" <!-- board difference {TASK} methods=mine against=protonet -->{END}"
    )
    new = filled(text, board, "page")
    expected = means()
    assert f"{100 * expected['mine']:.2f} ±" in new
    assert "old" not in new
    difference = 100 * (expected["protonet"] - expected["mine"])
    assert f"| +{difference:.2f} (" in new
    assert f"-->-{difference:.2f} (" in new
    lines = [line.split("|")[1].strip() for line in new.splitlines() if line.startswith("|")]
    assert lines == ["method", ":---------", "mine", "protonet"]
    assert filled(new, board, "page") == new


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        (f"<!-- board accuracy {TASK} methods=boil -->{END}", "no row of boil there"),
        (f"<!-- board accuracy {TASK} -->{END}", "2 rows there, which must be one"),
        (f"<!-- board colour {TASK} -->{END}", "there is no 'colour'"),
        (f"<!-- board table {TASK} columns=speed -->{END}", "there is no column 'speed'"),
        (f"<!-- board table {TASK} taste=bad -->{END}", "taste is none of"),
        (f"<!-- board accuracy {TASK} methods=mine -->", "has no <!-- board end -->"),
    ],
)
def test_what_is_not_on_the_board_is_one_line(board, marker, words):
    with pytest.raises(DataError, match=r"page\.md") as error:
        filled(marker, board, "page.md")
    assert words in str(error.value)


def test_build_writes_pages_and_check_names_those_that_are_behind(root):
    page = root.parent / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(f"It has <!-- board accuracy {TASK} methods=mine -->99.99{END} %.\n")
    fsbench("results", "add", root / "results", "--root", root)
    fsbench("leaderboard", "build", "--root", root)
    written = page.read_text()
    assert f"{100 * means()['mine']:.2f} ± " in written
    fsbench("leaderboard", "check", "--root", root)
    page.write_text(written.replace(" ± ", " +- "))
    out, err = fsbench("leaderboard", "check", "--root", root, code=2)
    assert out == f"{page}: not up to date; run fsbench leaderboard build\n"
    assert "1 problem in" in err
