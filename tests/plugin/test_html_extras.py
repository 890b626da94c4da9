"""The sections that `pytest-html` gets; `faults/test_neighbours.py` has the plugin itself."""

from __future__ import annotations

import importlib.util
import json

import pytest

# An inner session would forget it, and with it what is put in its place.
from pytest_converge.report import figures
from tests.plugin.conftest import FAKE

pytest.importorskip("jinja2", reason="pytest-html brings it")
pytest.importorskip("matplotlib")
if importlib.util.find_spec("pytest_html"):
    pytest.skip("a stand-in has the option of the plugin", allow_module_level=True)

TESTS = """
def test_it(converge):
    converge.fit("good")
    converge.minimize("good")

def test_bad(converge, learning_rate):
    learning_rate.range("good", 1)
    converge.fit("bad")

def test_plain():
    pass
"""
#: What stands in for the plugin, and what it would read from the reports.
STAND_IN = """
import json, types

class Html:
    extras = types.SimpleNamespace(html=lambda content: {"format_type": "html", "content": content})

def pytest_addoption(parser):
    parser.addoption("--html", dest="htmlpath")

def pytest_configure(config):
    config.pluginmanager.register(Html, "html")

found = {}

def pytest_runtest_logreport(report):
    for extra in getattr(report, "extras", ()):
        found.setdefault(report.nodeid, []).append([report.when, extra["content"]])

def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        with open("found.json", "w") as file:
            json.dump(found, file)
"""


@pytest.fixture
def beside(pytester: pytest.Pytester) -> pytest.Pytester:
    """A pytester with a stand-in for `pytest-html`."""
    pytester.makeconftest(FAKE + STAND_IN)
    pytester.makepyfile(test_a=TESTS)
    return pytester


def found(pytester: pytest.Pytester) -> dict[str, list[list[str]]]:
    loaded: dict[str, list[list[str]]] = json.loads((pytester.path / "found.json").read_text())
    return loaded


@pytest.mark.parametrize("arguments", [("-p", "no:xdist"), ("-n2",)], ids=" ".join)
def test_each_training_and_study_has_a_section(
    beside: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    if arguments[0] != "-p":
        pytest.importorskip("xdist")
    result = beside.runpytest(*arguments, "--html=report.html")
    result.assert_outcomes(passed=2, failed=1)
    sections = found(beside)
    assert sections.keys() == {"test_a.py::test_it", "test_a.py::test_bad"}
    assert [when for when, _ in sections["test_a.py::test_it"]] == ["teardown"] * 2
    (_, failed), (_, study) = sections["test_a.py::test_bad"]
    assert "target-missed" in failed
    assert "data:image/png;base64," in failed
    assert "learning-rate #1" in study
    assert all("<img" not in text for _, text in sections["test_a.py::test_it"])


def test_without_a_report_nothing_is_made(beside: pytest.Pytester) -> None:
    beside.runpytest()
    assert found(beside) == {}


def test_a_picture_that_fails_is_said_in_its_place(
    beside: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CONVERGE_STRICT", raising=False)
    monkeypatch.setattr(figures, "picture", lambda subject, kind: 1 / 0)
    beside.runpytest("--html=report.html").assert_outcomes(passed=2, failed=1)
    (_, failed), _ = found(beside)["test_a.py::test_bad"]
    assert "no picture: ZeroDivisionError" in failed
