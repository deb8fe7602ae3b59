"""Pictures on the page: what they show, by keys and clicks, and on a phone."""

import itertools

import pytest
from selenium.webdriver.common.keys import Keys

from fewshot_bench.leaderboard.board import Leaderboard
from fewshot_bench.leaderboard.page import render_page
from tests.leaderboard.page.example import HOSTILE, board, example, measured
from tests.leaderboard.page.test_browser import PHONE, Page

TRAININGS, METHODS = ("linear", "cosine", HOSTILE), ("knn", "ridge", "pt-map", "tim")
OWN = [
    measured(f"{method}", 0.5 + 0.05 * i + 0.01 * j, "conv4-64", training=training, note=training)
    for (i, training), (j, method) in itertools.product(enumerate(TRAININGS), enumerate(METHODS))
]
OTHER = {"sampler": "dirichlet, alpha 2"}


def named(rows, word):
    return [type(row)(**{**vars(row), "id": f"{word}-{i}"}) for i, row in enumerate(rows)]


def charted():
    own = named(OWN, "own")
    unequal = [
        measured(row.method, row.accuracy - 0.1, "conv4-64", training=row.training, **OTHER)
        for row in own
    ]
    far = [
        measured("knn", accuracy, "conv4-64", trained_on=f"trained on {there}", **kind)
        for accuracy, there, kind in (
            (0.31, "omniglot", {"learned": "cross-domain"}),
            (0.42, "flowers", {"learned": "cross-domain"}),
        )
    ]
    boards = (board(own), board(named(unequal, "unequal")), board(named(far, "far")))
    return Leaderboard(boards=boards, pools=example().pools)


@pytest.fixture
def page(chromium, tmp_path):
    path = tmp_path / "charts.html"
    path.write_text(render_page(charted()), encoding="utf-8")
    yield Page(chromium, path).open()
    assert chromium.get_log("browser") == []


def view(page, name):
    """Choose a view as people do who have no mouse."""
    select = page.one("#filters [name=view]")
    select.send_keys(name)
    assert page.one("#charts").is_displayed()
    assert page.one("#board").is_displayed() is False


def texts(page, selector):
    return [node.get_attribute("textContent") for node in page.all(f"#charts {selector}")]


def test_training_by_adaptation_shows_every_row_in_its_place(page):
    view(page, "training")
    assert texts(page, "thead th") == ["tim", "pt-map", "ridge", "knn"]
    assert texts(page, "tbody th")[1:] == ["cosine", "linear"]
    assert texts(page, "tbody th")[0] == HOSTILE
    numbers = texts(page, "tbody button")
    assert numbers[:2] == ["63.00±1.00", "62.00±1.00"]
    assert numbers[-1] == "50.00±1.00"
    shades = [
        page.js("getComputedStyle(arguments[0]).backgroundColor", node)
        for node in page.all("#charts button")
    ]
    light = [sum(map(int, shade[4:-1].split(","))) for shade in shades]
    assert light[0] > light[5] > light[-1]
    page.all("#charts tbody button")[0].click()
    assert "Accuracy 63.00 %" in page.one("#comparison").text.replace("\n", " ")
    assert page.js("window.hacked") is None


def test_a_line_leads_from_equal_to_unequal_queries(page):
    view(page, "equal")
    lines = page.all("#charts svg g")
    assert len(lines) == len(OWN)
    rows = [text.split("\n")[0] for text in texts(page, "tbody tr")]
    assert rows[0].startswith(f"tim, {HOSTILE}")
    assert rows[0].endswith("63.0053.00−10.00")
    for line in lines:
        first, last = (
            circle.get_attribute("cy") for circle in line.find_elements("css selector", "circle")
        )
        assert float(first) < float(last)
    heights = [float(node.get_attribute("y")) for node in page.all("#charts g text:last-child")]
    assert all(b - a > 17 for a, b in itertools.pairwise(heights))


def test_cross_domain_is_a_matrix_of_homes_and_tests(page):
    view(page, "cross")
    assert texts(page, "thead th") == ["glyphs"]
    assert texts(page, "tbody th")[-2:] == ["flowers", "omniglot"]
    assert texts(page, "tbody button")[-2:] == ["42.00±1.00", "31.00±1.00"]


def test_filters_and_the_address_hold_for_pictures(page):
    view(page, "training")
    page.one("#filters [name=method]").send_keys("t")
    assert texts(page, "thead th") == ["tim", "pt-map"]
    address = page.browser.current_url
    assert address.endswith("method=t&view=heat")
    page.open()
    assert page.one("#board").is_displayed()
    page.browser.get(address)
    assert texts(page, "thead th") == ["tim", "pt-map"]
    page.one("#filters [name=method]").send_keys("x")
    assert "No embedding" in page.one("#charts").text
    page.one("#filters [name=view]").send_keys(Keys.HOME)
    assert page.one("#board").is_displayed()


def test_pictures_fit_a_phone(page):
    page.open(PHONE)
    for name in ("training", "equal", "cross"):
        view(page, name)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.js(wide) == 0
    view(page, "training")
    assert texts(page, "tbody th") == ["tim", "pt-map", "ridge", "knn"]
