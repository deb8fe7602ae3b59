"""``fsbench plot``: from result folders to pictures."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from scipy import stats as scipy_stats

from fewshot_bench.errors import ConfigError
from fewshot_bench.evaluation.compare import Pair
from fewshot_bench.evaluation.entrants import Entrant, load_entrants
from fewshot_bench.evaluation.result import write_result
from fewshot_bench.leaderboard.board import Board, Leaderboard, Row
from fewshot_bench.leaderboard.plots.boards import board_pictures
from fewshot_bench.leaderboard.plots.drawing import KINDS, draw, joint_difference
from fewshot_bench.leaderboard.plots.measured import class_accuracies, rank_table
from fewshot_bench.stats import Interval
from tests.cli.common import fails, fsbench
from tests.leaderboard.synthetic import forged, synthetic

T = 150
METHODS = {"good": 0.1, "fair": 0.03, "poor": -0.1}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three methods with two seeds each."""
    root = tmp_path_factory.mktemp("results")
    for name, skill in METHODS.items():
        for seed in range(2):
            result = synthetic(name, skill, seed, T, seeds=[0, 1])
            write_result(result, root / name / f"seed-{seed}")
    return [root / name for name in METHODS]


def entrants(*seeds, **choices):
    return [
        Entrant(name, tuple(synthetic(name, skill, seed, T, **choices) for seed in seeds or (0,)))
        for name, skill in METHODS.items()
    ]


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in ("slope", "transfer", "heat")]
)
def test_every_kind_is_written_the_same_way_twice(folders, tmp_path, kind):
    for name in ("a.svg", "b.svg"):
        out, _ = fsbench("plot", kind, *folders, "--out", tmp_path / name)
        assert out == f"wrote {tmp_path / name}\n"
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_pictures_say_what_compare_says(folders):
    document = json.loads(fsbench("compare", *folders, "--json")[0])
    figure = draw("interval", entrants(0, 1))
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == [method["name"] for method in document["methods"]]
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == [f"{100 * method['mean']:.2f}" for method in document["methods"]]
    assert "method interval" in figure.axes[0].get_xlabel()
    assert figure.get_suptitle() == "glyphs, 5-way 1-shot"
    pairs = draw("pairs", entrants(0, 1)).axes[0]
    drawn = [line.get_xdata()[0] for line in pairs.lines if line.get_marker() == "o"]
    assert drawn == pytest.approx([pair["mean"] for pair in document["pairs"]])


def test_a_level_is_written_with_all_its_digits():
    for some in (entrants(), entrants()[:1]):
        assert "99.5% closed" in draw("interval", some, 0.995).axes[0].get_xlabel()
    figure = draw("cd", entrants(), 0.995)
    assert any("Nemenyi, 99.5%" in t.get_text() for t in figure.findobj(Text))


def test_one_method_alone_has_an_interval_and_a_profile():
    for kind in ("interval", "profile", "curves", "cost", "classes"):
        assert draw(kind, entrants()[:1]).axes


def test_of_many_pairs_only_those_of_the_leader_are_drawn():
    many = [Entrant(f"m{i}", (synthetic(f"m{i}", 0.02 * i, 0, T),)) for i in range(7)]
    names = [label.get_text() for label in draw("pairs", many).axes[0].get_yticklabels()]
    assert len(names) == 6
    assert names == [f"− m{i}" for i in range(5, -1, -1)]
    assert "m6 minus each of these" in draw("pairs", many).axes[0].get_xlabel()


def test_ranks_over_one_data_set_are_over_its_episodes():
    names, table, rows = rank_table(entrants(0, 1))
    assert names == list(METHODS)
    assert (table.shape, rows) == ((T, 3), "episodes")
    expected = scipy_stats.rankdata(-table, axis=1).mean(axis=0)
    figure = draw("cd", entrants(0, 1))
    drawn = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_label() in METHODS]
    assert drawn == pytest.approx(sorted(expected))


def test_ranks_over_several_data_sets_need_every_method_everywhere():
    both = entrants() + entrants(benchmark="omniglot", fingerprint="e" * 64)
    names, table, rows = rank_table(both)
    assert (names, table.shape, rows) == (list(METHODS), (2, 3), "data sets")
    assert table[1, 2] == pytest.approx(both[5].results[0].accuracy.mean())
    with pytest.raises(ValueError, match="poor has no result on omniglot"):
        rank_table(both[:-1])
    with pytest.raises(ValueError, match="poor has two results on omniglot"):
        rank_table([*both, both[-1]])


def test_accuracy_of_a_class_is_the_mean_over_its_queries():
    result = synthetic("good", 0.1, 0, T)
    found = class_accuracies(Entrant("good", (result,)), 0.95)
    ids, pred = result.columns["class_ids"], result.columns["pred"]
    for c in (0, 7, 19):
        values = [np.mean(pred[t, w] == w) for t in range(T) for w in range(5) if ids[t, w] == c]
        half = scipy_stats.t.ppf(0.975, len(values) - 1) * scipy_stats.sem(values)
        assert found.mean[c] == pytest.approx(np.mean(values))
        assert found.high[c] == pytest.approx(min(1, np.mean(values) + half))
    assert np.average(found.mean, weights=np.bincount(ids.ravel(), minlength=20)) == (
        pytest.approx(result.accuracy.mean())
    )


def test_what_can_not_be_drawn_is_one_line(folders, tmp_path):
    out = ("--out", tmp_path / "a.svg")
    assert "there is no picture 'pie'; there are interval, cd" in fails(
        "plot", "pie", *folders, *out
    )
    assert "end it in .svg" in fails("plot", "interval", *folders, "--out", tmp_path / "a.txt")
    assert "at least two" in fails("plot", "pairs", folders[0], *out)
    assert "methods (columns)" in fails("plot", "cd", folders[0], *out)
    assert "holds no result.json" in fails("plot", "interval", tmp_path / "none", *out)
    other = synthetic("poor", 0, 0, T, fingerprint="e" * 64)
    write_result(other, tmp_path / "other")
    assert "different episodes" in fails("plot", "interval", folders[0], tmp_path / "other", *out)
    bare = forged(other, lambda info, columns: info.update(training={}))
    write_result(bare, tmp_path / "other", overwrite=True)
    assert "holds no training.curve" in fails("plot", "curves", tmp_path / "other", *out)
    assert not (tmp_path / "a.svg").exists()


def test_steps_that_an_older_result_holds_twice_do_not_break_the_curves(tmp_path):
    for seed in range(2):
        one = synthetic("good", 0.1, seed, T, seeds=[0, 1])
        curve = [[4, 0.5], [2, 0.4], [4, 0.6]] if seed else [[2, 0.3], [4, 0.4]]
        twice = forged(one, lambda table, _, c=curve: table.update(training={"curve": c}))
        write_result(twice, tmp_path / f"seed-{seed}")
    [axes] = draw("curves", load_entrants(tmp_path)).axes
    mean = axes.lines[-1]
    np.testing.assert_allclose(mean.get_xydata(), [[2, 0.35], [4, 0.5]])


def test_a_leaderboard_has_a_picture_of_each_board_with_something_measured():
    figures = dict(board_pictures(Leaderboard(boards=(board("a/b"), board("c", measured=1)))))
    assert list(figures) == [
        "a-b-5-1-inductive-interval",
        "a-b-5-1-inductive-cost",
        "c-5-1-inductive-interval",
    ]
    assert dict(board_pictures(Leaderboard(boards=(board("a", measured=0),)))) == {}
    axes = figures["a-b-5-1-inductive-interval"].axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["m0, conv4-32", "m1, conv4-64", "p0, CONV-4"]
    kinds = {line.get_label() for line in axes.lines if line.get_marker() != "None"}
    assert kinds == {"may be best", "measured", "published"}


def board(benchmark, measured=2):
    common = {"benchmark": benchmark, "way": 5, "shot": 1, "setting": "inductive"}
    rows = tuple(
        Row(
            id=f"{i}",
            kind="measured",
            method=f"m{i}",
            backbone=("conv4-32", "conv4-64")[i],
            accuracy=0.6 - 0.1 * i,
            low=0.5,
            high=0.7,
            time_s=0.01,
            rank=(1 + i, 2),
            **common,
        )
        for i in range(measured)
    )
    quoted = Row(id="p", kind="published", method="p0", backbone="CONV-4", accuracy=0.4, **common)
    return Board(id=f"{benchmark}/5-1/inductive", measured=rows, published=(quoted,), **common)


def test_drawing_imports_neither_torch_nor_pyplot(folders, tmp_path):
    words = ["fsbench", "plot", "interval", *map(str, folders), "--out", str(tmp_path / "a.png")]
    code = (
        f"import sys; sys.argv = {words!r}\n"
        "from fewshot_bench.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'matplotlib.pyplot'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True)
    assert (tmp_path / "a.png").exists()


def test_the_example_of_the_documentation_runs(tmp_path, monkeypatch):
    text = (Path(__file__).parents[3] / "docs" / "pictures.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/pictures.md", "exec"), {})
    assert (tmp_path / "bars.svg").read_bytes().startswith(b"<?xml")
    for kind in KINDS:
        assert f"| `{kind}` |" in text


def test_curves_of_different_data_do_not_share_a_picture():
    one, two = (
        Entrant("x", (synthetic("x", 0.1, 0, T, benchmark=name),))
        for name in ("glyphs", "omniglot")
    )
    with pytest.raises(ConfigError, match="do not belong in one picture"):
        draw("curves", [one, two])


def test_a_slope_leads_from_equal_to_unequal_queries():
    data = {"sizes": [200] * 20, "query": 1}
    both = entrants(**data) + [
        Entrant(name, (synthetic(name, skill - 0.1, 0, T, sampler=("disjoint", 0), **data),))
        for name, skill in METHODS.items()
    ]
    axes = draw("slope", both).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines if len(line.get_ydata())}
    for name in METHODS:
        mean = both[list(METHODS).index(name)].results[0].accuracy.mean()
        assert lines[name][0] == pytest.approx(mean)
    with pytest.raises(ValueError, match="two samplers"):
        draw("slope", entrants())
    with pytest.raises(ValueError, match="nothing was tested on another benchmark"):
        draw("transfer", entrants())


def test_no_interval_beside_not_told_apart_excludes_0(folders):
    for p, mean in ((0.06, 0.04), (0.04, 0.04), (0.04, -0.04)):
        interval = Interval(
            mean=mean, low=mean - 0.03, high=mean + 0.03, half_width=0.03, n=100, df=99.0
        )
        drawn = joint_difference(Pair("a", "b", interval, p / 3, p, 0.0, 0.01), 3)
        assert drawn.high - drawn.low > 0.06 or p <= 0.05
        assert p <= 0.05 or drawn.low < 0 < drawn.high or abs(mean) > 0.036
        assert p > 0.05 or not drawn.low < 0 < drawn.high


def test_results_of_several_data_are_drawn_into_a_file_each(folders, tmp_path):
    for name, skill in METHODS.items():
        synthetic(name, skill, 0, T).save(tmp_path / "r" / "a" / name)
        synthetic(name, skill, 0, T, benchmark="omniglot", fingerprint="e" * 64).save(
            tmp_path / "r" / "b" / name
        )
    out, _ = fsbench("plot", "interval", tmp_path / "r", "--out", tmp_path / "x.svg")
    assert {p.name for p in tmp_path.glob("*.svg")} == {"x-glyphs-5-1.svg", "x-omniglot-5-1.svg"}
    assert "(omniglot, 5-way 1-shot)" in out
    told, _ = fsbench("compare", tmp_path / "r")
    assert "glyphs, 5-way 1-shot:" in told
    tex, _ = fsbench("compare", tmp_path / "r" / "a", "--format", "tex")
    assert r"\textbf{good}" in tex
    assert tex.count("{") == tex.count("}")
    assert "150 episodes, 1 training seed;" in tex
