"""One style for all pictures: the same bytes each time, safe with any name, nothing left behind."""

import io
import itertools

import matplotlib
import numpy as np
import pytest
from PIL import Image

from fewshot_bench.errors import ConfigError
from fewshot_bench.leaderboard.plots.classes import ClassAccuracies, classes_plot
from fewshot_bench.leaderboard.plots.cost import Cost, cost_plot
from fewshot_bench.leaderboard.plots.critical_difference import cd_diagram
from fewshot_bench.leaderboard.plots.curves import Curve, learning_curves
from fewshot_bench.leaderboard.plots.files import render, save
from fewshot_bench.leaderboard.plots.intervals import Bar, interval_plot
from fewshot_bench.leaderboard.plots.pairs import Difference, pairs_plot
from fewshot_bench.leaderboard.plots.profile import profile_plot
from fewshot_bench.leaderboard.plots.style import COLOURS, looks, short

HOSTILE = ["$\\frac{1}{0}$", "<script>alert(1)</script>", "a\nb\t\0c", "名前 🎲", "x" * 400, "%s{}"]


def picture():
    return cost_plot([Cost("a", 1.0, 0.5), Cost("b", 3.0, 0.6)], "title")


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_the_same_picture_is_the_same_bytes_and_names_no_date(kind):
    first = render(picture(), kind)
    assert first == render(picture(), kind)
    assert b"Date" not in first


def test_settings_of_the_caller_change_nothing_and_are_left_alone():
    plain = render(picture(), "svg")
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "svg.hashsalt": "other"}):
        assert render(picture(), "svg") == plain
        assert matplotlib.rcParams["font.size"] == 20


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_hostile_names_are_drawn_as_they_are(kind):
    figure = interval_plot([Bar(name, 0.5, 0.4, 0.6) for name in HOSTILE], "$title")
    data = render(figure, kind)
    assert b"<script" not in data
    shown = {label.get_text() for label in figure.axes[0].get_yticklabels()}
    assert {"$\\frac{1}{0}$", "a b c", "%s{}"} <= shown


def test_long_names_lose_their_middle():
    assert short("ab" * 50) == "ababababababab" + "a…" + "ab" * 7
    assert short(" two\n lines ") == "two lines"


def test_the_suffix_decides_and_others_are_refused(tmp_path):
    save(picture(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == 1050  # 3.5 inches at 300 dots per inch
    with pytest.raises(ConfigError, match=r"end it in \.svg"):
        save(picture(), tmp_path / "a.bmp")


NAMES = [f"W long name {'m' * 20} of {i}" for i in range(8)]
TITLE = "a title that is rather longer than a title should be"
MEANS = np.linspace(0.2, 0.9, 60)
CROWDED = {
    "interval": lambda: interval_plot(
        [Bar(n, 0.5, 0.4, 0.8, "lead") for n in NAMES], TITLE, note="95% method interval"
    ),
    "cd": lambda: cd_diagram(NAMES, range(1, 9), 2.5, TITLE, "mean rank over 1,000 episodes"),
    "profile": lambda: profile_plot(NAMES, [MEANS + i / 100 for i in range(8)], TITLE),
    "curves": lambda: learning_curves([Curve(n, ((9e3 * MEANS, MEANS),)) for n in NAMES], TITLE),
    "cost": lambda: cost_plot([Cost(n, 1 + i, 0.5) for i, n in enumerate(NAMES)], TITLE),
    "pairs": lambda: pairs_plot([Difference(n, 0.1, 0, 0.2, 0.01, 0.1) for n in NAMES], TITLE),
    "classes": lambda: classes_plot(
        [ClassAccuracies(n, MEANS, MEANS, MEANS) for n in NAMES[:3]], NAMES * 8, TITLE
    ),
}


@pytest.mark.parametrize("kind", CROWDED)
def test_nothing_is_cut_off_at_the_edges(kind):
    with Image.open(io.BytesIO(render(CROWDED[kind](), "png"))) as image:
        pixels = np.asarray(image.convert("L"))
    edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    assert all((edge == 255).all() for edge in edges)


def test_looks_differ_and_do_so_without_colour_too():
    first = looks(40)
    assert len(set(first)) == 40
    for a, b in itertools.combinations(first[:7], 2):
        assert a.marker != b.marker


def luminance(colour):
    """Relative luminance of an sRGB colour (WCAG 2)."""
    parts = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_every_colour_stands_out_from_paper():
    for colour in COLOURS:
        assert 1.05 / (luminance(colour) + 0.05) > 2
