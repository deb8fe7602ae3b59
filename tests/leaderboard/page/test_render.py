"""The page as text: one file, the same each time, out of which no text can break."""

import base64
import dataclasses
import hashlib
import html.parser
import json
import re

import pytest

from fewshot_bench.leaderboard.board import Leaderboard
from fewshot_bench.leaderboard.page import render_page
from tests.leaderboard.page.example import BREAKOUT, HOSTILE, example


class Elements(html.parser.HTMLParser):
    """Every element of a page as (name, attributes, text)."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])

    def handle_endtag(self, tag):
        self.found.append([f"/{tag}", {}, ""])

    def handle_data(self, data):
        if self.found:
            self.found[-1][2] += data


@pytest.fixture(scope="module")
def page():
    return render_page(example())


@pytest.fixture(scope="module")
def elements(page):
    return Elements(page).found


def test_the_same_leaderboard_is_the_same_page(page):
    assert render_page(example()) == page


def test_no_template_mark_is_left(page):
    assert not re.search(r"\$(style|script|rows|pools|policy)\b", page)


def test_it_needs_no_other_file(elements):
    for tag, attributes, text in elements:
        assert "src" not in attributes, tag
        assert tag != "link", attributes
        assert attributes.get("href", "#").startswith("#")
        if tag == "style":
            assert "url(" not in text
            assert "@import" not in text


def test_the_documents_hold_all_rows_and_all_pairs(elements):
    documents = {
        a["id"]: json.loads(text)
        for tag, a, text in elements
        if "id" in a and a.get("type") == "application/json"
    }
    board = example()
    rows = {row["id"]: row for row in documents["data"]}
    assert rows.keys() == board.rows().keys()
    assert {row["method"] for row in rows.values()} >= {HOSTILE, "alpha"}
    assert rows["measured-glyphs-alpha"]["rank"] == [1, 2]
    assert "mde80" not in rows["measured-glyphs-alpha"]
    for pool in board.pools:
        written = documents["pools"][pool.id]
        assert written["rows"] == list(pool.rows)
        assert [1e-5 * n for n in written["difference"]] == pytest.approx(pool.difference, abs=1e-5)
        assert [1e-5 * n for n in written["half_width"]] == pytest.approx(pool.half_width, abs=1e-5)
        assert [1e-6 * n for n in written["p_holm"]] == pytest.approx(pool.p_holm, abs=1e-6)
        assert [digit == "1" for digit in written["closed"]] == list(pool.closed)


def test_rounding_tells_no_pair_apart():
    board = example()
    pool = dataclasses.replace(board.pools[1], p_holm=(0.0500001,))
    text = render_page(dataclasses.replace(board, pools=(pool,)))
    assert '"p_holm":[50001]' in text


def test_text_from_files_opens_no_element(page, elements):
    assert HOSTILE not in page
    assert BREAKOUT not in page
    assert sum(tag == "script" for tag, _, _ in elements) == 3
    assert "img" not in {tag for tag, _, _ in elements}


def test_the_policy_admits_only_its_own_script_and_style(elements):
    [policy] = [a["content"] for _, a, _ in elements if a.get("http-equiv")]
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["default-src"] == "'none'"
    for kind, wanted in (("script-src", "script"), ("style-src", "style")):
        [own] = [text for tag, a, text in elements if tag == wanted and "type" not in a]
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert parts[kind] == f"'sha256-{digest}'"


def test_an_empty_leaderboard_is_a_page_too():
    assert '<script type="application/json" id="data">[]</script>' in render_page(Leaderboard())
