"""The option `--converge-html`."""

from __future__ import annotations

import importlib.util
import re

import pytest

from pytest_converge.plugin.html_page import LIBRARIES

# Whatever an inner session is the first to import, it also forgets.
pytest.importorskip("jinja2")
pytest.importorskip("plotly.offline")

TESTS = """
import pytest

@pytest.mark.converges(max_loss=0.1)
@pytest.mark.parametrize("kind", ["good", "bad"])
def test_it(converge, kind):
    converge.fit(kind)

@pytest.mark.xfail(strict=True)
def test_expected(converge):
    converge.minimize("bad")

def test_goes_on(converge):
    with pytest.raises(AssertionError):
        converge.fit("bad")

def test_rates(learning_rate):
    learning_rate.range("bad", 1).assert_within(margin=3)
"""
OUTCOMES = [
    ("test_a.py::test_it[bad]", "failed"),
    ("test_a.py::test_rates", "failed"),
    ("test_a.py::test_expected", "expected"),
    ("test_a.py::test_goes_on", "caught"),
    ("test_a.py::test_it[good]", "passed"),
]


def page(pytester: pytest.Pytester, name: str = "a.html") -> str:
    """The page without the time of day."""
    text = (pytester.path / name).read_text(encoding="utf-8")
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d [^<]*", "", text)


def rows(text: str) -> list[tuple[str, str]]:
    """Test and outcome of each row."""
    found = re.findall(r'<tr id="r\d+" class="row (\w+)".*?class="open"[^>]*>(.*?)<', text)
    return [(test, outcome) for outcome, test in found]


@pytest.fixture(scope="module")
def snapshots() -> dict[str, str]:
    """What the first way of running gave."""
    return {}


@pytest.mark.parametrize("arguments", [("-p", "no:xdist"), ("-n2",)], ids=" ".join)
def test_the_page_is_the_same_however_the_tests_are_run(
    faked: pytest.Pytester, arguments: tuple[str, ...], snapshots: dict[str, str]
) -> None:
    if arguments[0] != "-p":
        pytest.importorskip("xdist")
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest(*arguments, "--converge-html=a.html")
    result.assert_outcomes(passed=2, failed=2, xfailed=1)
    result.stdout.fnmatch_lines(["- generated convergence page: *a.html -"])
    text = page(faked)
    assert rows(text) == OUTCOMES
    assert snapshots.setdefault("page", text) == text
    assert [path.name for path in faked.path.iterdir() if ".html" in path.name] == ["a.html"]


def test_the_path_of_the_configuration_is_relative_to_its_file(faked: pytest.Pytester) -> None:
    faked.makeini("[pytest]\nconverge_html = a.html\n")
    faked.makepyfile(test_a="def test_it(converge): converge.fit('good')")
    faked.runpytest("--collect-only")
    assert not (faked.path / "a.html").exists()
    faked.runpytest()
    assert rows(page(faked)) == [("test_a.py::test_it", "passed")]


def test_a_session_that_is_interrupted_leaves_a_page_of_what_was_done(
    faked: pytest.Pytester,
) -> None:
    faked.makepyfile(
        test_a="""
        def test_first(converge): converge.fit("good")
        def test_second(converge): converge.fit("interrupted")
        def test_third(converge): converge.fit("good")
        """
    )
    result = faked.runpytest_inprocess("--converge-html=a.html", no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert rows(page(faked)) == [("test_a.py::test_first", "passed")]


def test_a_worker_that_dies_takes_its_own_test_alone(faked: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    faked.makepyfile(
        test_a="""
        import os

        def test_first(converge): converge.fit("good")
        def test_second(converge):
            converge.fit("good")
            os._exit(3)
        """
    )
    result = faked.runpytest("-n1", "--converge-html=a.html")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert rows(page(faked)) == [("test_a.py::test_first", "passed")]


@pytest.mark.parametrize("gone", [LIBRARIES[:1], LIBRARIES])
def test_a_missing_library_is_said_before_any_test(
    faked: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, gone: tuple[str, ...]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in gone else find(name, *rest)
    )
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest("--converge-html=a.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = f"ERROR: got --converge-html without {' and '.join(gone)}; *converge[[]html]*"
    result.stderr.fnmatch_lines([said])


def test_a_page_that_cannot_be_written_is_an_error_of_the_session(faked: pytest.Pytester) -> None:
    (faked.path / "out").mkdir()
    faked.makepyfile(
        test_a="""
        def test_it(converge):
            converge.fit("good")
            import shutil
            shutil.rmtree("out")
        """
    )
    result = faked.runpytest("--converge-html=out/a.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["could not write the convergence page *: No such file*"])


def test_a_path_that_cannot_be_written_to_is_refused_at_the_start(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest("--converge-html=no/a.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*got --converge-html=no/a.html; *existing directory*"])
