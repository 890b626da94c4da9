"""The page as a text; `test_browser.py` opens it."""

from __future__ import annotations

import html.parser
import json
import re
from collections import Counter

import pytest

from pytest_converge.report.html import page as page_module
from pytest_converge.report.html.page import html_page, json_in_script
from tests.pages import HOSTILE, data_report, diagnosis, session, studies, training

pytest.importorskip("jinja2", reason="the page needs the extra html")
pytest.importorskip("plotly", reason="the page needs the extra html")


class Page(html.parser.HTMLParser):
    """The tags of a page with their attributes, and its texts apart from scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self._raw = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._raw = tag in {"script", "style"}

    def handle_endtag(self, tag):
        self._raw = False

    def handle_data(self, data):
        if not self._raw:
            self.texts.append(data)

    def count(self, name):
        return sum(tag == name for tag, _ in self.tags)


def made(results, **changes):
    return html_page(results, **{"version": "1.2.3", **changes})


def test_the_page_has_a_row_and_a_section_for_everything():
    page = Page(made(session(20), studies=studies(), made="2026-01-02"))
    rows = [attrs for _, attrs in page.tags if attrs.get("class", "").startswith("row ")]
    assert [row["data-outcome"] for row in rows].count("failed") == 5
    assert len(rows) == page.count("template") - 1 == 23  # and an environment
    text = " ".join(" ".join(page.texts).split())
    assert "5 of 23 failed" in text
    assert "20 trainings, 3 studies" in text
    assert "pytest-converge 1.2.3, 2026-01-02" in text
    assert "features standardised: loss 0.02000, 3 of 3 seeds pass" in text


def test_everything_that_comes_from_tests_is_escaped():
    plain = Page(made([training(last=1.3, diagnosis=diagnosis())], studies=[data_report()]))
    hostile = made(
        [training(last=1.3, test=HOSTILE, diagnosis=diagnosis(name=HOSTILE, cause=HOSTILE))],
        studies=[data_report(HOSTILE, test=HOSTILE)],
        version=HOSTILE,
        made=HOSTILE,
    )
    page = Page(hostile)
    tags, usual = (Counter(tag for tag, _ in each.tags) for each in (page, plain))
    assert tags == usual
    assert HOSTILE in "".join(page.texts)
    assert not any("onerror" in attrs for _, attrs in page.tags)
    assert "49" not in re.findall(r"\d+", "".join(page.texts).replace(HOSTILE, ""))


def test_the_page_asks_for_nothing_from_elsewhere():
    page = Page(made(session(2), studies=studies()))
    for tag, attrs in page.tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert attrs.get(name, "data:").startswith("data:"), (tag, attrs)
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


def test_equal_values_in_any_order_give_the_same_page():
    assert made(session(3), studies=studies()) == made(session(3)[::-1], studies=studies()[::-1])


def test_a_session_without_trainings_says_so():
    assert "No convergence test ran." in made([])


def test_data_in_a_script_end_it_nowhere():
    text = json_in_script({"name": HOSTILE})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": HOSTILE}


def test_a_thousand_trainings_that_all_failed_stay_within_15_mb(monkeypatch):
    # Fewer are quicker made, with as many points as each of a thousand has.
    monkeypatch.setattr(page_module, "MOST_POINTS", page_module.FEWEST_POINTS)
    monkeypatch.setattr(page_module, "FEW_TRAININGS", 0)
    rest = len(made([]).encode())
    of_20 = len(made(session(20, every=1, trials=12)).encode()) - rest
    assert rest + 1000 / 20 * of_20 < 15e6


def test_an_environment_that_trainings_share_is_there_once():
    page = Page(made(session(5)))
    templates = [attrs["id"] for tag, attrs in page.tags if tag == "template"]
    assert [name for name in templates if not name.startswith("s-")] == ["environment-0"]
    assert page.texts.count("2.21.0") == 1
