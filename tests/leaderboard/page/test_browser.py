"""The page as people use it, in a real browser: mouse, keyboard, phone, dark, hostile names."""

import dataclasses

import pytest
from selenium.webdriver.common.keys import Keys

from fewshot_bench.evaluation.numbers import p_words, points
from fewshot_bench.leaderboard.board import Leaderboard
from fewshot_bench.leaderboard.page import render_page
from tests.leaderboard.page.example import BREAKOUT, HOSTILE, example

DESKTOP, PHONE = (1280, 900), (390, 844)


class Page:
    """The open page, in the words of the tests."""

    def __init__(self, browser, path):
        self.browser, self.path = browser, path

    def open(self, size=DESKTOP, scheme="light"):
        width, height = size
        shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.browser.get(self.path.as_uri())
        return self

    def js(self, script, *arguments):
        return self.browser.execute_script(f"return {script}", *arguments)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def one(self, selector):
        [found] = self.all(selector)
        return found

    def column(self, name):
        return self.js(
            "[...document.querySelectorAll(arguments[0])].map((node) => node.textContent)",
            f"#rows .{name}",
        )

    def methods(self):
        return self.column("name")

    def sort(self, name):
        self.one(f"#headers .{name} button").click()
        return self.one(f"#headers .{name}").get_attribute("aria-sort")

    def filter(self, name, value):
        self.js(
            "(filters[arguments[0]].value = arguments[1],"
            " filters.dispatchEvent(new Event('input')))",
            name,
            value,
        )

    def everything(self):
        self.filter("benchmark", "")
        self.filter("task", "")

    def ungroup(self):
        self.one("#filters [name=groups]").click()

    def choose(self, *ids):
        for one in ids:
            button = self.one(f'#rows tr[data-id="{one}"] .choose')
            self.js("arguments[0].click()", button)  # wherever it is; real clicks are tested below
        return self.one("#comparison").text

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)

    def focus(self):
        return self.browser.switch_to.active_element


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render_page(example()), encoding="utf-8")
    return path


@pytest.fixture
def page(chromium, path):
    yield Page(chromium, path).open()
    complaints = chromium.get_log("browser")
    chromium.execute_script("localStorage.clear()")
    assert complaints == []


def test_it_opens_with_the_task_that_most_was_measured_for(page):
    assert page.one("#count").text == "6 of 9 rows"
    assert page.methods() == ["alpha", "beta", "gamma", "zeta", "Delta", HOSTILE]
    assert [node.text for node in page.all("#rows .group")] == [
        "measured, inductive",
        "measured, transductive",
        "published, inductive",
    ]
    assert page.one("#headers .accuracy").get_attribute("aria-sort") == "descending"
    assert page.column("number")[:2] == ["70.00 ± 1.00", "68.00 ± 1.00"]
    assert page.column("rank") == ["1–2", "1–2", "3", "", "", ""]
    assert page.column("time_s") == ["20 ms", "1.5 s", "3 ms", "100 ms", "", ""]


def test_an_address_leads_to_what_is_shown(page):
    page.everything()
    page.filter("backbone", "conv4-64")
    page.sort("time_s")
    page.ungroup()
    page.choose("measured-glyphs-beta")
    shown, address = page.methods(), page.browser.current_url
    words = address.partition("#")[2]
    assert words == (
        "benchmark=&task=&backbone=conv4-64&groups=false&sort=time_s&rows=measured-glyphs-beta"
    )
    page.open()
    assert page.methods() != shown
    page.browser.get(address)
    assert page.methods() == shown
    assert page.one("#headers .time_s").get_attribute("aria-sort") == "ascending"
    assert "beta conv4-64" in page.one("#comparison").text
    page.browser.get(address.partition("#")[0] + "#sort=taste&benchmark=none&rows=nobody")
    assert page.one("#count").text == "6 of 9 rows"


def test_rows_trained_shortly_stand_behind_those_that_were_not(chromium, tmp_path):
    board = example()
    first = board.boards[0]
    short = dataclasses.replace(
        first.measured[0], id="short", short=True, flags=("short_training",)
    )
    more = dataclasses.replace(first, measured=(*first.measured, short))
    path = tmp_path / "short.html"
    path.write_text(render_page(dataclasses.replace(board, boards=(more,))), encoding="utf-8")
    page = Page(chromium, path).open()
    assert page.methods() == ["alpha", "beta", "gamma", "alpha", "Delta", HOSTILE]
    assert page.column("signs")[3].split() == ["S"]
    assert page.all("#rows .group")[1].text.endswith("short training (under 1,000 steps)")


def test_numbers_are_written_as_in_tables(page):
    values = [0.487, -0.000001, 0.0123, -0.0123, 0.999996]
    for signed in (False, True):
        ours = page.js(f"[...arguments[0]].map((v) => points(v, {str(signed).lower()}))", values)
        assert [text.replace("−", "-") for text in ours] == [
            points(value, signed=signed) for value in values
        ]
    assert page.js("arguments[0].map(pValue)", [1e-9, 0.0312, 0.3456]) == [
        p_words(p) for p in (1e-9, 0.0312, 0.3456)
    ]


def test_an_empty_leaderboard_says_so(chromium, tmp_path):
    empty = tmp_path / "empty.html"
    empty.write_text(render_page(Leaderboard()), encoding="utf-8")
    page = Page(chromium, empty).open()
    assert page.one("#none").is_displayed()
    assert chromium.get_log("browser") == []


def test_a_measured_row_says_which_part_of_the_benchmark_it_saw(chromium, tmp_path):
    part = {"partial": "123 of 608 classes", "resize": "32x32, cropped", "note": BREAKOUT}
    board = example()
    pools = tuple(dataclasses.replace(pool, **part) for pool in board.pools)
    path = tmp_path / "part.html"
    path.write_text(render_page(dataclasses.replace(board, pools=pools)), encoding="utf-8")
    page = Page(chromium, path).open()
    assert page.column("note").count("123 of 608 classes, 32x32") == 4
    told = page.choose("measured-glyphs-alpha")
    assert "only 123 of 608 classes of the benchmark" in told
    assert BREAKOUT in told
    assert page.js("window.hacked") is None
    assert chromium.get_log("browser") == []


def test_numbers_sort_both_ways_with_the_unknown_last(page):
    page.ungroup()
    assert page.sort("time_s") == "ascending"
    times = page.column("time_s")
    assert times == ["3 ms", "20 ms", "100 ms", "1.5 s", "", ""]
    assert page.one("#headers .accuracy").get_attribute("aria-sort") is None
    assert page.sort("time_s") == "descending"
    assert page.column("time_s") == [*times[3::-1], "", ""]
    assert page.sort("accuracy") == "descending"
    assert page.sort("accuracy") == "ascending"
    assert page.methods()[0] == "gamma"


def test_text_sorts_whatever_its_case(page):
    page.ungroup()
    assert page.sort("method") == "ascending"
    assert page.methods() == [HOSTILE, "alpha", "beta", "Delta", "gamma", "zeta"]
    assert page.sort("method") == "descending"
    assert page.methods()[0] == "zeta"


def test_filters_combine(page):
    page.everything()
    assert page.one("#count").text == "9 of 9 rows"
    page.filter("backbone", "conv4-64")
    assert len(page.methods()) == 4
    page.filter("benchmark", "glyphs")
    assert page.methods() == ["beta", "zeta"]
    page.filter("setting", "inductive")
    assert page.methods() == ["beta"]
    page.filter("kind", "published")
    assert page.methods() == []
    assert page.one("#none").is_displayed()
    page.filter("backbone", "")
    assert page.methods() == ["Delta", HOSTILE]
    page.one("#filters [name=method]").send_keys("DEL")
    assert page.methods() == ["Delta"]


def test_the_scale_follows_what_is_shown(page):
    def spread():
        dots = page.js("[...document.querySelectorAll('#rows .dot')].map((dot) => dot.offsetLeft)")
        return dots, page.js("document.querySelector('#rows .track').clientWidth")

    page.ungroup()
    dots, width = spread()
    assert dots == sorted(dots, reverse=True)
    assert 0 < dots[-1] < dots[0] < width
    assert dots[0] - dots[-1] > 0.6 * width
    page.filter("method", "beta")
    [dot], width = spread()
    assert abs(dot - width / 2) < 6


def test_two_rows_show_their_paired_difference(page):
    assert page.one("#comparison").is_displayed() is False
    assert "Choose a second row" in page.choose("measured-glyphs-gamma")
    text = page.choose("measured-glyphs-alpha")
    # alpha - gamma is the fifth of (zeta, alpha, beta, gamma)'s six pairs.
    assert "alpha conv4-32 − gamma conv4-32" in text
    assert "+10.00 points" in text
    assert "+5.00 to +15.00 (95 %), p = 0.30 after Holm. They can't be told apart." in text
    assert "70.00 % and 60.00 % on 1,234 common episodes; about these trained models." in text
    text = page.choose("measured-glyphs-beta")  # takes the place of the row chosen first
    assert "+2.00 points" in text
    assert "−2.00 to +6.00 (95 %), p = 0.004 after Holm. They differ." in text
    assert "the methods, trained again with other seeds" in text
    pressed = page.js("[...document.querySelectorAll('[aria-pressed=true]')].length")
    assert pressed == 2
    page.one("#comparison .close").click()
    assert page.one("#comparison").is_displayed() is False
    assert page.all("#rows .chosen") == []


def test_one_row_shows_all_that_is_known_of_it(page):
    text = page.choose("measured-glyphs-beta").replace("\n", " ")
    assert "Accuracy 68.00 %, 67.00 to 69.00 (method)" in text
    assert "Detects 1.50 points to the leader" in text
    assert "Rank 1–2" in text
    assert "Training 2.5 h" in text
    assert "Memory 2.5 GB" in text
    assert "Signs our adaptation of what the paper describes" in text
    page.press(Keys.ESCAPE)
    text = page.choose("published-glyphs-Delta").replace("\n", " ")
    assert "Flags re run" in text
    assert "Source some/repository (arXiv 1703.03400)" in text
    links = [link.get_attribute("href") for link in page.all("#comparison a")]
    assert links == ["https://github.com/some/repository", "https://arxiv.org/abs/1703.03400"]


def test_a_click_anywhere_on_a_row_chooses_it(page):
    page.one('#rows tr[data-id="measured-glyphs-beta"] .rank').click()
    page.one('#rows tr[data-id="measured-glyphs-zeta"] .rank').click()
    assert "zeta conv4-64 − beta conv4-64" in page.one("#comparison").text


def test_rows_that_share_no_episodes_are_not_compared(page):
    page.everything()
    text = page.choose("measured-glyphs-alpha", "measured-omniglot-alpha")
    assert "No paired comparison: they were measured on different episodes." in text
    text = page.choose("published-omniglot-Delta")
    assert "of a published row no predictions are stored" in text
    assert "points" not in text


def test_everything_can_be_done_from_the_keyboard(page):
    page.ungroup()
    page.js("document.querySelector('#headers .method button').focus()")
    page.press(Keys.ENTER)
    assert page.one("#headers .method").get_attribute("aria-sort") == "ascending"
    page.js("document.querySelector('#headers .source button').focus()")
    page.press(Keys.TAB)
    assert page.focus().get_attribute("class") == "choose"
    page.press(Keys.ARROW_DOWN)
    page.press(Keys.SPACE)
    page.press(Keys.ARROW_DOWN)
    page.press(Keys.ENTER)
    assert "alpha conv4-32 − beta conv4-64" in page.one("#comparison").text
    assert page.focus().get_attribute("aria-label").startswith("Compare beta, conv4-64, glyphs")
    assert page.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press(Keys.ESCAPE)
    assert page.one("#comparison").is_displayed() is False


def test_the_first_tab_stop_skips_to_the_table(page):
    page.press(Keys.TAB)
    assert page.focus().text == "Skip to the table"


def test_dark_follows_the_system_and_the_button_changes_it(page):
    def paper():
        return page.js("getComputedStyle(document.body).backgroundColor")

    light = paper()
    page.one("#theme").click()
    dark = paper()
    assert sum(map(int, dark[4:-1].split(","))) < 150 < sum(map(int, light[4:-1].split(",")))
    assert page.open().one("#theme").text == "Light"  # remembered
    assert paper() == dark
    page.js("localStorage.clear()")
    page.open(scheme="dark")
    assert paper() == dark
    page.one("#theme").click()
    assert paper() == light


@pytest.mark.parametrize("width", [320, 390, 760, 1000, 1280])
def test_nothing_overflows_at_any_width(page, width):
    page.open((width, 844))
    page.choose("measured-glyphs-alpha", page.js("ROWS.find((r) => r.note).id"))
    assert (
        page.js("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    )
    assert page.js("innerWidth") == width  # a phone would zoom out to show what sticks out
    assert page.one("#comparison").rect["width"] <= width
    for name in ("name", "number", "dot"):
        assert all(node.is_displayed() for node in page.all(f"#rows .{name}"))


def test_headers_stand_above_their_columns(page):
    page.open((1500, 900))
    page.everything()
    for name in ("method", "backbone", "task", "accuracy", "rank", "memory", "source"):
        header, cell = page.one(f"#headers .{name}").rect, page.all(f"#rows .{name}")[0].rect
        assert header["x"] == pytest.approx(cell["x"], abs=1)
        assert header["width"] == pytest.approx(cell["width"], abs=1)


def test_a_phone_says_under_the_name_what_other_columns_would(page):
    page.open(PHONE)
    where = page.all("#rows .where")[0].text
    assert where.replace("\u2011", "-").replace("\u00a0", " ") == "conv4-32 · glyphs · 5-way 1-shot"
    assert page.all("#rows .backbone")[0].is_displayed() is False


def test_kinds_and_signs_can_be_told_apart(page):
    signs = dict(zip(page.methods(), page.column("signs"), strict=True))
    assert {name: text.split() for name, text in signs.items() if name != HOSTILE} == {
        "zeta": ["T"],
        "alpha": [],
        "beta": ["A"],
        "Delta": ["P"],
        "gamma": ["1"],
    }
    explained = {sign.text for sign in page.all("#signs div:not([hidden]) .sign")}
    assert explained == {"T", "A", "P", "1"}
    looks = page.js(
        "['measured', 'published'].map((kind) => {"
        " const dot = getComputedStyle(document.querySelector(`#rows .${kind} .dot`));"
        " const name = getComputedStyle(document.querySelector(`#rows .${kind} .name`));"
        " return [dot.borderRadius, dot.backgroundColor, name.fontStyle]; })"
    )
    assert all(a != b for a, b in zip(*looks, strict=True))
    assert [e.text for e in page.all("#rows .leads .name")] == ["alpha", "beta"]


def test_hostile_text_is_only_text(page):
    page.everything()
    text = page.choose(page.js("ROWS.find((r) => r.note).id"), "measured-glyphs-alpha")
    assert HOSTILE in text
    assert BREAKOUT in page.column("backbone")
    assert page.js("window.hacked") is None
    assert page.all("img, #rows script, #comparison script") == []
    links = [link.get_attribute("href") for link in page.all("#rows a")]
    assert links == ["https://github.com/some/repository"]


def test_even_an_injected_script_would_not_run(page, chromium):
    page.js(
        "document.body.append(Object.assign(document.createElement('script'),"
        " { textContent: 'window.hacked = 4' }))"
    )
    assert page.js("window.hacked") is None
    [complaint] = chromium.get_log("browser")
    assert "Content Security Policy" in complaint["message"]
