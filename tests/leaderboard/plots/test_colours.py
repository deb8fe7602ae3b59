"""Palettes in numbers: on paper, in grey, and as the colour-blind see them."""

import itertools

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from fewshot_bench.errors import ConfigError
from fewshot_bench.leaderboard.plots.adjust import Fit, fitted
from fewshot_bench.leaderboard.plots.colours import PALETTES, contrast, luminance, palette
from fewshot_bench.leaderboard.plots.cost import Cost, cost_plot
from fewshot_bench.leaderboard.plots.files import render
from fewshot_bench.leaderboard.plots.grid import Cell, grid_plot
from fewshot_bench.leaderboard.plots.heat import SHADES
from fewshot_bench.leaderboard.plots.style import looks

# Of linear sRGB at full severity: Machado, Oliveira and Fernandes 2009, doi 10.1109/TVCG.2009.113.
EYES = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Linear sRGB to CIE XYZ, of a white of 1.
XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / np.array([[0.9505], [1.0], [1.089]])


def light(colour):
    parts = np.array(to_rgb(colour))
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(colour, eye):
    """CIE L*a*b* of a colour as an eye sees it; a difference of 2.3 is just seen."""
    xyz = XYZ @ np.clip(EYES[eye] @ light(colour), 0, 1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_the_simulated_eyes_leave_greys_as_they_are():
    for eye in EYES:
        assert lab("#808080", eye) == pytest.approx(lab("#808080", "all cones"), abs=0.1)
    red, green = (lab(colour, "deuteranopia") for colour in ("#c00000", "#5c6400"))
    assert (
        abs(red[1] - green[1])
        < 20
        < abs(lab("#c00000", "all cones")[1] - lab("#5c6400", "all cones")[1])
    )


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("eye", EYES)
def test_colours_of_a_palette_differ_for_every_eye(name, eye):
    seen = [lab(colour, eye) for colour in PALETTES[name]]
    least = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))
    assert least > 8


@pytest.mark.parametrize("name", PALETTES)
def test_every_colour_stands_out_from_paper(name):
    assert all(contrast(colour, "white") > 1.75 for colour in PALETTES[name])


def test_greys_are_told_apart_by_their_lightness():
    levels = sorted(luminance(colour) for colour in PALETTES["grey"])
    assert all((b + 0.05) / (a + 0.05) > 1.6 for a, b in itertools.pairwise(levels))


@pytest.mark.parametrize("eye", EYES)
def test_shades_grow_lighter_with_the_value_for_every_eye(eye):
    lightness = [lab(colour[:3], eye)[0] for colour in colormaps[SHADES](np.linspace(0, 1, 33))]
    assert all(a < b for a, b in itertools.pairwise(lightness))


def test_series_of_one_grey_differ_in_marker_or_line():
    greys = PALETTES["grey"]
    drawn = [
        (greys[i % 7 % len(greys)], look.marker, look.line) for i, look in enumerate(looks(28))
    ]
    assert len(set(drawn)) == 28


def hues(figure):
    """Whether anything that is drawn is neither grey nor bluish ink."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(render(figure, "png"))) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    return int((pixels.max(axis=-1) - pixels.min(axis=-1)).max())


CELLS = [Cell(t, m, "1-shot", 0.5 + 0.1 * i, 0.01) for i, (t, m) in enumerate(["ab", "ac", "db"])]


def test_a_grey_picture_has_no_colour_and_shades_as_light_as_before():
    def costs():
        return cost_plot([Cost(f"m{i}", 1.0 + i, 0.5 + 0.01 * i) for i in range(9)], "title")

    assert hues(costs()) > 150
    assert hues(fitted(costs(), Fit(palette="grey"))) < 25
    figure = grid_plot(CELLS)
    [image] = figure.axes[0].images
    before = image.cmap(np.linspace(0, 1, 9))
    fitted(figure, Fit(palette="grey"))
    after = image.cmap(np.linspace(0, 1, 9))
    for old, new in zip(before, after, strict=True):
        assert luminance(new[:3]) == pytest.approx(luminance(old[:3]), abs=0.01)
        assert np.ptp(new[:3]) == 0


def test_letters_on_shades_stand_out():
    figure = grid_plot([Cell("t", f"m{i}", "1-shot", i / 16, 0.01) for i in range(16)])
    [axes] = figure.axes
    [image] = axes.images
    for text in axes.texts:
        shade = image.cmap(image.norm(image.get_array()[0, round(text.get_position()[0])]))
        assert contrast(text.get_color(), shade[:3]) > 3.9


def test_an_unknown_palette_is_one_line():
    with pytest.raises(ConfigError, match=r"no palette 'rainbow'; there are okabe-ito, tol, grey"):
        palette("rainbow")
