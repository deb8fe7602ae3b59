"""Each picture draws the numbers it was given, in the order it promises."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from fewshot_bench.evaluation.numbers import p_words
from fewshot_bench.leaderboard.plots.classes import ClassAccuracies, classes_plot
from fewshot_bench.leaderboard.plots.cost import Cost, cost_plot, pareto_front
from fewshot_bench.leaderboard.plots.critical_difference import cd_diagram
from fewshot_bench.leaderboard.plots.curves import Curve, learning_curves
from fewshot_bench.leaderboard.plots.intervals import Bar, interval_plot
from fewshot_bench.leaderboard.plots.pairs import Difference, pairs_plot
from fewshot_bench.leaderboard.plots.profile import profile_plot

BARS = [
    Bar("worse", 0.5, 0.49, 0.52),
    Bar("best", 0.7, 0.68, 0.71, "lead"),
    Bar("quoted", 0.6, None, None, "published"),
]


def lines(figure, label):
    """Positions of the lines of a label, each (x values, y values)."""
    [axes] = figure.axes
    found = [line for line in axes.lines if line.get_label() == label]
    return [(np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in found]


def row_names(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_interval_plot_has_the_best_on_top_and_its_numbers_beside():
    figure = interval_plot(BARS, "title", chance=0.2)
    assert isinstance(figure, Figure)
    assert row_names(figure) == ["best", "quoted", "worse"]
    top, bottom = figure.axes[0].get_ylim()[::-1]
    assert top < 0 < 2 < bottom
    assert texts(figure) == ["70.00", "60.00", "50.00"]
    assert lines(figure, "may be best") == [([0.7], [0])]
    assert lines(figure, "published") == [([0.6], [1])]
    assert lines(figure, "measured") == [([0.5], [2])]
    spans = [
        tuple(x)
        for x, y in (line.get_data() for line in figure.axes[0].lines)
        if len(x) == 2 and y[0] == y[1]
    ]
    assert spans == [(0.68, 0.71), (0.49, 0.52)]
    assert figure.get_suptitle() == "title"


def test_only_leaders_are_bold_and_only_published_markers_hollow():
    figure = interval_plot(BARS)
    weights = [label.get_fontweight() for label in figure.axes[0].get_yticklabels()]
    assert weights == ["bold", "normal", "normal"]
    hollow = {
        line.get_label(): line.get_markerfacecolor() == "white"
        for line in figure.axes[0].lines
        if line.get_marker() != "None"
    }
    assert hollow == {"may be best": False, "published": True, "measured": False}
    assert sorted(legend(figure)) == ["may be best", "measured", "published"]
    assert interval_plot(BARS[:1]).legends == []


def test_chance_is_shown_only_where_it_is_in_view():
    near = [Bar("a", 0.25, 0.15, 0.35)]
    assert len(lines(interval_plot(near, chance=0.2), "chance")) == 1
    assert legend(interval_plot(near, chance=0.2)) == ["measured", "chance"]
    assert lines(interval_plot(BARS, chance=0.2), "chance") == []


def test_accuracies_are_shown_in_percent():
    figure = interval_plot(BARS)
    formatter = figure.axes[0].xaxis.get_major_formatter()
    assert [formatter(value, 0) for value in (0.5, 0.625, -0.01)] == ["50", "62.5", "−1"]


def test_cd_diagram_puts_each_method_at_its_rank_and_joins_what_is_close():
    figure = cd_diagram(["c", "a", "b"], [2.9, 1.1, 2.0], 1.0, note="of something")
    for name, rank in (("a", 1.1), ("b", 2.0), ("c", 2.9)):
        [(x, _)] = lines(figure, name)
        assert x[0] == x[1] == rank
    bars = [(x[0], x[1]) for x, _ in lines(figure, "not distinguished")]
    assert bars == [pytest.approx((1.07, 2.03)), pytest.approx((1.97, 2.93))]
    assert "a  1.10" in texts(figure)
    assert "2.90  c" in texts(figure)
    assert "CD = 1.00" in texts(figure)
    assert lines(cd_diagram(["a", "b"], [1.0, 2.0], 0.5), "not distinguished") == []


def test_a_critical_difference_longer_than_the_axis_is_said():
    assert "CD = 3.00 (longer than the axis)" in texts(cd_diagram(["a", "b"], [1.4, 1.6], 3.0))


def test_profile_draws_the_share_of_scores_above_each_threshold():
    scores = np.random.default_rng(0).random((3, 50))
    figure = profile_plot(["a", "b"], [scores, scores / 2])
    for name, values in (("a", scores), ("b", scores / 2)):
        [(x, y)] = lines(figure, name)
        assert y == pytest.approx([(values > threshold).mean() for threshold in x])
    assert legend(figure) == ["a", "b"]


def test_a_name_that_begins_with_an_underscore_is_in_the_legend_too():
    mean = np.array([0.5, 0.6])
    curve = Curve("_mine", ((mean, mean),))
    figures = [
        profile_plot(["_mine"], [mean]),
        learning_curves([curve]),
        classes_plot([ClassAccuracies("_mine", mean, mean, mean)], ["a", "b"]),
        cost_plot([Cost("_mine and a long name after it", 1.0, 0.5)]),
    ]
    assert all(legend(figure)[0].startswith(" _mine") for figure in figures)


def test_learning_curves_draw_every_seed_and_their_mean_at_common_steps():
    steps = np.array([10.0, 20.0, 30.0])
    runs = ((steps, np.array([0.2, 0.4, 0.6])), (steps[:2], np.array([0.4, 0.6])))
    figure = learning_curves([Curve("a", runs)])
    [(x, y)] = lines(figure, "a")
    assert x.tolist() == [10, 20]
    assert y == pytest.approx([0.3, 0.5])
    thin = [line.get_ydata().tolist() for line in figure.axes[0].lines if line.get_label() != "a"]
    assert thin == [[0.2, 0.4, 0.6], [0.4, 0.6]]


COSTS = [
    Cost("slow, best", 3.0, 0.8, 0.7, 0.9),
    Cost("dear, bad", 2.0, 0.5),
    Cost("fast", 1.0, 0.6),
    Cost("fast, worse", 1.0, 0.55),
]


def test_the_pareto_front_is_what_nothing_beats():
    assert [entry.name for entry in pareto_front(COSTS)] == ["fast", "slow, best"]


def test_cost_plot_names_every_point_where_it_lies():
    figure = cost_plot(COSTS)
    [axes] = figure.axes
    points = {(x[0], y[0]) for x, y in (line.get_data() for line in axes.lines) if len(x) == 1}
    assert points == {(entry.cost, entry.mean) for entry in COSTS}
    assert {(text.get_text(), *text.xy) for text in axes.texts} == {
        (entry.name, entry.cost, entry.mean) for entry in COSTS
    }
    assert axes.get_xscale() == "log"
    [(x, y)] = lines(figure, "Pareto front")
    assert (x.tolist(), y.tolist()) == ([1, 3], [0.6, 0.8])


def test_names_beside_points_do_not_cover_each_other():
    crowd = [Cost(f"method {i}", 1 + 0.02 * i, 0.6 + 0.001 * i) for i in range(5)]
    figure = cost_plot(crowd)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    for i, a in enumerate(boxes):
        assert not any(a.overlaps(b) for b in boxes[i + 1 :])


def test_pairs_plot_fills_what_differs_and_shades_what_it_would_miss():
    pairs = [
        Difference("a − b", 0.03, 0.01, 0.05, 0.004, 0.02),
        Difference("b − c", -0.01, -0.03, 0.01, 0.4, 0.025),
    ]
    figure = pairs_plot(pairs)
    assert row_names(figure) == ["a − b", "b − c"]
    assert lines(figure, "differ") == [([0.03], [0])]
    assert lines(figure, "not told apart") == [([-0.01], [1])]
    bands = [(bar.get_x(), bar.get_width()) for bar in figure.axes[0].patches]
    assert bands == [(-0.02, 0.04), (-0.025, 0.05)]
    assert texts(figure) == ["p = 0.004", "p = 0.40"]
    assert p_words(0.0002) == "p < 0.001"


def test_classes_plot_has_the_hardest_on_top_and_skips_the_untested():
    mean = np.array([0.9, 0.3, np.nan, 0.6])
    figure = classes_plot([ClassAccuracies("a", mean, mean - 0.1, mean + 0.1)], list("wxyz"))
    assert row_names(figure) == ["x", "z", "w"]
    [(x, y)] = lines(figure, "a")
    assert (x.tolist(), y.tolist()) == ([0.3, 0.6, 0.9], [0, 1, 2])


def test_of_many_classes_the_hardest_are_shown_and_it_is_said():
    mean = np.linspace(0.9, 0.1, 100)
    methods = [ClassAccuracies(name, mean, mean, mean) for name in ("a", "b")]
    figure = classes_plot(methods, [f"class {i}" for i in range(100)])
    assert row_names(figure)[0] == "class 99"
    assert len(row_names(figure)) == 40
    assert "the 40 hardest of 100 classes" in figure.axes[0].get_xlabel()
