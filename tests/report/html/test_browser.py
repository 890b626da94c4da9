"""The page in a real browser: filter, sort, open, point, keys, themes, widths, and no request."""

from __future__ import annotations

import json
import struct

import pytest

from docs.screenshots import FOLDER, SHOTS, take
from tests.browser import browser, missing
from tests.pages import HOSTILE, data_report, diagnosis, session, studies, training

pytest.importorskip("jinja2", reason="the page needs the extra html")
pytest.importorskip("plotly.offline", reason="the page needs the extra html")
if missing():
    pytest.skip(missing(), allow_module_level=True)

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from pytest_converge.report.html.page import html_page

FAILED = "tests/models/test_9.py::TestModel::test_training[9]"
CHARTS = ".js-plotly-plot .main-svg"


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A page of 20 trainings, two of which failed, three studies, and two of hostile names."""
    hostile = training(30, last=1.3, test=HOSTILE, diagnosis=diagnosis(4, name=HOSTILE))
    text = html_page(
        [*session(20), hostile],
        studies=[*studies(), data_report(HOSTILE, test=HOSTILE)],
        version="1.2.3",
        made=HOSTILE,
    )
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(text, encoding="utf-8")
    return path


class Page:
    """What a reader does and sees."""

    def __init__(self, driver):
        self.driver = driver

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def rows(self):
        """The cells of the rows that are shown."""
        return self.run(
            "return [...document.querySelectorAll('tr.row')].filter((row) => !row.hidden)"
            ".map((row) => [...row.cells].map((cell) => cell.textContent))"
        )

    def chip(self, text):
        next(chip for chip in self.all(".chip") if chip.text.startswith(text)).click()

    def open(self, text):
        """Opens the row whose test has this in its id; its section."""
        row = next(row for row in self.all("tr.row") if text in row.text.lower())
        row.find_element("css selector", ".open").click()
        return self.one(f"#{row.get_attribute('id')} + tr.detail")

    def until(self, condition):
        return WebDriverWait(self.driver, 60).until(lambda _: condition())

    def color(self, name):
        return self.run(
            "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])", name
        )

    def say(self):
        """What the browser noted since it was asked last: its console, and what it fetched."""
        console = [entry["message"] for entry in self.driver.get_log("browser")]
        events = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        sent = [e["params"]["request"]["url"] for e in events
                if e["method"] == "Network.requestWillBeSent"]  # fmt: skip
        return console, sent


@pytest.fixture
def look(driver, path):
    """Loads the page in a window of so many pixels, in a theme."""

    def load(width=1280, theme="light"):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": theme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        driver.get("about:blank")
        driver.get(path.as_uri())
        return Page(driver)

    return load


def test_rows_are_filtered_by_words_by_outcome_and_by_cause(look):
    page = look()
    query = page.one("#query")
    query.send_keys("MINIMIZE test_1")
    assert {row[1] for row in page.rows()} == {"minimize"}
    assert page.one("#shown").text == f"{len(page.rows())} shown"
    query.clear()
    query.send_keys("nowhere to be found")
    assert page.rows() == []
    assert page.one("#none").is_displayed()
    query.clear()
    query.send_keys(" ")
    assert len(page.rows()) == 25
    page.chip("failed")
    assert len(page.rows()) == 7
    page.chip("unscaled-features")
    assert {row[-1] for row in page.rows()} == {"unscaled-features"}
    page.chip("unscaled-features")
    page.chip("all")
    query.clear()
    query.send_keys("unscaled-features failed")
    assert {row[-1] for row in page.rows()} == {"unscaled-features", "failed"}
    query.clear()
    query.send_keys(" ")
    page.chip("passed")
    assert {row[-1] for row in page.rows()} == {"passed"}


def test_rows_are_sorted_by_number_and_by_name(look):
    page = look()

    def sort(name):
        next(each for each in page.all("th button") if each.text.startswith(name)).click()
        return [row for row in page.rows() if row[4]]

    final = [float(row[4]) for row in sort("final")]
    assert final == sorted(final)
    assert page.one("th[aria-sort='ascending']").text == "final"
    final = [float(row[4]) for row in sort("final")]
    assert final == sorted(final, reverse=True)
    # What has none stands at the end either way.
    assert [bool(row[4]) for row in page.rows()] == [True] * 21 + [False] * 4
    names = [row[0].lower() for row in sort("test")]
    assert names == sorted(names)


def test_a_section_is_drawn_when_it_is_opened_and_tells_at_the_pointer(look):
    page = look()
    assert page.run("return typeof window.Plotly") == "undefined"
    section = page.open(FAILED.lower())
    assert "root mean square 227" in section.text
    titles = [title.text.partition("\n")[0] for title in page.all(".chart h3")]
    assert titles == [
        "Loss",
        "What was tried from the same start",
        "Slice through the weights",
        "Gradient norm",
        "Learning rate",
        "Learning rates that pass",
        "Feature scales",
    ]
    plots = page.all(".js-plotly-plot")
    assert len(plots) == 7
    texts = plots[0].get_attribute("textContent")
    assert "max_loss 0.1" in texts
    assert "with features standardised" in texts
    assert page.run("return arguments[0].layout.yaxis.type", plots[0]) == "log"
    page.one(".chart h3 button").click()
    assert page.run("return arguments[0].layout.yaxis.type", plots[0]) == "linear"
    ActionChains(page.driver).move_to_element(plots[0]).perform()
    hover = page.until(lambda: plots[0].find_elements("css selector", ".hoverlayer .hovertext"))
    assert any("loss on the probe set" in each.get_attribute("textContent") for each in hover)
    page.one("tr.row .open[aria-expanded='true']").click()
    assert page.all("tr.detail") == []


def test_the_keyboard_is_enough(look):
    page = look()
    keys = ActionChains(page.driver)
    keys.send_keys("/").send_keys(FAILED).send_keys(Keys.ARROW_DOWN).perform()
    assert page.run("return document.activeElement.innerText") == FAILED
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    section = page.one("tr.detail")
    assert section.find_elements("css selector", CHARTS)
    ActionChains(page.driver).send_keys(Keys.TAB).perform()
    assert page.run("return !!document.activeElement.closest('tr.detail')")
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    assert page.all("tr.detail") == []
    assert page.run("return document.activeElement.innerText") == FAILED
    ActionChains(page.driver).send_keys(Keys.ARROW_UP).perform()
    assert page.run("return document.activeElement.id") == "query"


def test_a_section_has_an_address(look, path):
    page = look()
    page.open(FAILED.lower())
    address = page.driver.current_url
    assert "#r" in address
    page.driver.get("about:blank")
    page.driver.get(address)
    assert "root mean square 227" in page.one("tr.detail").text


def test_the_theme_is_that_of_the_reader_until_another_is_picked(look):
    page = look(theme="dark")
    page.open(FAILED.lower())

    def drawn():
        (line,) = page.run(
            "return [...document.querySelector('.js-plotly-plot').data]"
            ".filter((trace) => trace.name === 'loss on the probe set')"
            ".map((trace) => trace.line.color)"
        )
        return line, page.run("return getComputedStyle(document.body).backgroundColor")

    dark = drawn()
    assert dark == (page.color("--loss"), "rgb(19, 23, 30)")
    page.run("dispatchEvent(new Event('beforeprint'))")
    light = drawn()
    assert light == (page.color("--loss"), "rgb(246, 247, 249)")
    page.run("dispatchEvent(new Event('afterprint'))")
    assert drawn() == dark
    page.one("#theme").click()
    assert drawn() == light


def test_a_chart_that_is_drawn_again_keeps_its_axes(look):
    page = look()
    page.open(FAILED.lower())
    steps = "return document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range"
    before = page.run(steps)
    assert before[1] >= 100, before
    page.run("dispatchEvent(new Event('beforeprint'))")  # in the colours that it has
    assert page.run(steps) == before
    page.one("#theme").click()
    assert page.run(steps) == before


def test_charts_are_printed_as_wide_as_a_sheet(look):
    page = look(width=1280)
    page.open(FAILED.lower())
    widths = (
        "return [...document.querySelectorAll('.js-plotly-plot')]"
        ".map((plot) => plot._fullLayout.width)"
    )
    before = page.run(widths)
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert max(before) > 1000
    assert max(page.run(widths)) < 700
    page.run("dispatchEvent(new Event('afterprint'))")
    page.until(lambda: page.run(widths) == before)


def test_a_phone_shows_all_without_scrolling_sideways(look):
    page = look(width=390)
    page.open(FAILED.lower())
    page.open("test_rates")
    assert page.run("return document.documentElement.scrollWidth") == 390
    widths = page.run("return [...document.querySelectorAll('.plot')].map((p) => p.offsetWidth)")
    assert len(widths) == 8
    assert all(250 < width < 390 for width in widths)
    # The sign of a row is on the line of its name.
    opened = page.all(".open[aria-expanded='true']")
    assert min(button.size["height"] for button in opened) < 30


def test_nothing_is_fetched_and_nothing_goes_wrong_whatever_the_names(look, path):
    page = look()
    page.say()
    page.driver.get(path.as_uri() + "?again")
    buttons = [each for each in page.all(".open") if not each.text.startswith("tests/models")]
    assert len(buttons) == 5
    for button in buttons:
        button.click()
    text = page.one("main").get_attribute("textContent")
    assert HOSTILE in text
    names = page.run(
        "return [...document.querySelectorAll('.legendtext, .js-plotly-plot text')]"
        ".map((text) => text.textContent).join('\\n')"
    )
    assert f"▸ {HOSTILE}" in names
    assert page.all("img") == []
    console, sent = page.say()
    assert console == []
    assert {url.partition("?")[0].partition(",")[0] for url in sent} <= {path.as_uri(), "data:"}
    assert any(url.startswith(path.as_uri()) for url in sent)


def test_the_pictures_of_the_documents_are_taken(driver, tmp_path):
    take(driver, tmp_path)
    for name, shot in SHOTS.items():
        for folder in (tmp_path, FOLDER):
            content = (folder / name).read_bytes()
            # The header of a PNG: its signature, a length, a name, then width and height.
            assert struct.unpack(">II", content[16:24]) == (shot.width, shot.height)
