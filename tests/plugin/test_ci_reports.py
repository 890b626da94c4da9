"""`--converge-report`, on GitHub Actions and elsewhere: one failure is one mark."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_converge.plugin.ci_reports import usual_reports
from pytest_converge.plugin.outputs import SUMMARY_VARIABLE, Report

TESTS = """
import pytest
from pytest_converge import ConvergenceError

def helper(converge):
    converge.fit("bad")

@pytest.mark.converges(max_loss=0.1)
@pytest.mark.parametrize("kind", ["good", "bad", "invalid"])
def test_it(converge, kind):
    converge.fit(kind)

def test_plain():
    assert 0

def test_own(converge):
    assert converge.fit("good").final_loss < 0

def test_helper(converge):
    helper(converge)

def test_caught(converge):
    with pytest.raises(ConvergenceError):
        converge.fit("bad")

@pytest.mark.xfail(strict=True)
def test_expected(converge):
    converge.fit("bad")

def test_range(learning_rate):
    learning_rate.range("bad").assert_within(3)
"""
#: Each failure with its line and the code of its cause.
FAILURES = [
    ("test_helper", 19, "target-missed"),
    ("test_it[bad]", 10, "target-missed"),
    ("test_it[invalid]", 10, "convergence"),
    ("test_own", 16, "convergence"),
    ("test_range", 30, "learning-rate"),
]
XDIST = [("-p", "no:xdist"), ("-n2",)]


@pytest.fixture
def suite(faked: pytest.Pytester) -> pytest.Pytester:
    faked.makepyfile(test_a=TESTS)
    return faked


@pytest.fixture
def on_github(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    page = suite.path / "page.md"
    page.write_text("of another command\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv(SUMMARY_VARIABLE, str(page))
    return suite


def marks(text: str) -> list[tuple[str, int]]:
    found = re.findall(r"^::error file=test_a\.py,line=(\d+),title=(.*?)::", text, re.MULTILINE)
    return [(title, int(line)) for line, title in found]


@pytest.mark.parametrize("arguments", XDIST, ids=" ".join)
def test_every_failure_is_marked_once(
    on_github: pytest.Pytester, arguments: tuple[str, ...], snapshots: dict[str, str]
) -> None:
    if arguments[0] != "-p":
        pytest.importorskip("xdist")
    kinds = ("annotations", "annotations:marks.txt", "summary", "codequality")
    result = on_github.runpytest(*arguments, *(f"--converge-report={kind}" for kind in kinds))
    # Commands are read where they begin a line.
    assert marks(result.stdout.str()) == [(name, line) for name, line, _ in FAILURES]
    assert result.stdout.str().count("::error ") == len(FAILURES)
    for name in ("marks.txt", "page.md", "gl-code-quality-report.json"):
        result.stdout.fnmatch_lines([f"*- generated convergence report: *{name} -*"])
        text = (on_github.path / name).read_text(encoding="utf-8")
        assert snapshots.setdefault(name, text) == text
    assert marks(snapshots["marks.txt"]) == marks(result.stdout.str())
    page = snapshots["page.md"]
    assert page.startswith("of another command\n## Convergence\n")
    assert re.findall("^### `(.*)`$", page, re.MULTILINE) == [name for name, *_ in FAILURES]
    assert "6 trainings, 2 did not converge, 1 failed as expected, 1 failed in tests" in page
    entries = json.loads(snapshots["gl-code-quality-report.json"])
    assert [(e["location"]["lines"]["begin"], e["check_name"]) for e in entries] == [
        (line, code) for _, line, code in FAILURES
    ]
    assert {entry["location"]["path"] for entry in entries} == {"test_a.py"}


def test_on_github_marks_and_page_come_unasked(on_github: pytest.Pytester) -> None:
    result = on_github.runpytest("-k", "own")
    assert marks(result.stdout.str()) == [("test_own", 16)]
    assert "### `test_own`" in (on_github.path / "page.md").read_text()


@pytest.fixture(scope="module")
def snapshots() -> dict[str, str]:
    """What the first way of running gave."""
    return {}


def test_off_writes_nothing_on_github(on_github: pytest.Pytester) -> None:
    result = on_github.runpytest("--converge-report=off")
    assert "::error" not in result.stdout.str()
    assert (on_github.path / "page.md").read_text() == "of another command\n"


def test_what_is_asked_for_takes_the_place_of_what_is_usual(on_github: pytest.Pytester) -> None:
    result = on_github.runpytest("-oconverge_report=summary", "-k", "plain or own")
    assert "::error" not in result.stdout.str()
    assert "### `test_own`" in (on_github.path / "page.md").read_text()


def test_the_page_of_a_job_is_added_to_under_its_own_name_too(on_github: pytest.Pytester) -> None:
    on_github.runpytest("--converge-report=summary:page.md", "-k", "own")
    assert (on_github.path / "page.md").read_text().startswith("of another command\n## Conv")


def test_without_convergence_tests_there_is_nothing_but_the_files_that_were_asked_for(
    on_github: pytest.Pytester,
) -> None:
    kinds = ("annotations", "summary", "codequality:a.json")
    result = on_github.runpytest("-k", "plain", *(f"--converge-report={kind}" for kind in kinds))
    assert "::error" not in result.stdout.str()
    assert (on_github.path / "page.md").read_text() == "of another command\n"
    assert (on_github.path / "a.json").read_text() == "[]\n"


def test_the_last_attempt_counts(on_github: pytest.Pytester) -> None:
    pytest.importorskip("pytest_rerunfailures")
    on_github.makepyfile(
        test_a="""
        attempts = []

        def test_it(converge):
            attempts.append(1)
            converge.fit("bad")

        def test_other(converge):
            attempts.append(1)
            converge.fit("good" if len(attempts) > 3 else "bad")
        """
    )
    result = on_github.runpytest("--reruns=1")
    assert marks(result.stdout.str()) == [("test_it", 5)]


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="subtests came with pytest 9.0")
def test_of_subtests_each_failure_is_one(on_github: pytest.Pytester) -> None:
    on_github.makepyfile(
        test_a="""
        def test_it(converge, subtests):
            for kind in ("bad", "good", "bad"):
                with subtests.test(kind=kind):
                    converge.fit(kind)
        """
    )
    result = on_github.runpytest()
    assert marks(result.stdout.str()) == [("test_it", 4), ("test_it", 4)]


def test_an_interrupted_session_reports_what_it_has(on_github: pytest.Pytester) -> None:
    on_github.makepyfile(test_b="def test_it(converge):\n    converge.fit('interrupted')\n")
    result = on_github.runpytest_subprocess("--converge-report=codequality:a.json")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert len(json.loads((on_github.path / "a.json").read_text())) == len(FAILURES)


def test_a_report_that_cannot_be_written_is_not_hidden(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_a="def test_it():\n    __import__('os').rmdir('sub')\n")
    suite.mkdir("sub")
    result = suite.runpytest("--converge-report=summary:sub/a.md")
    result.stdout.fnmatch_lines(["could not write the convergence report *a.md: No such file*"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--converge-report=html", "got --converge-report=html; expected annotations, summary, *"),
        ("--converge-report=summary", "got --converge-report=summary; expected annotations,*"),
        ("--converge-report=summary:", "got --converge-report=summary:; expected annotations,*"),
        ("-oconverge_report=html", "got converge_report=html; expected annotations, summary, *"),
        (
            "--converge-report=summary:no/a.md",
            "got --converge-report=summary:no/a.md; expected a path in an existing directory.*",
        ),
    ],
)
def test_a_bad_report_is_said_before_any_test(
    pytester: pytest.Pytester, argument: str, message: str
) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest("--converge-report=annotations", argument)
    if argument.startswith("-o"):
        result = pytester.runpytest(argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{message}"])


def test_an_ini_path_is_relative_to_its_file(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.makeini("[pytest]\nconverge_report =\n    summary:a.md\n    codequality:b.json\n")
    monkeypatch.chdir(suite.mkdir("sub"))
    suite.runpytest("--rootdir", suite.path, suite.path, "-k", "own")
    assert (suite.path / "a.md").is_file()
    assert (suite.path / "b.json").is_file()


def test_what_is_usual_depends_on_the_place() -> None:
    there = {"GITHUB_ACTIONS": "true", SUMMARY_VARIABLE: "page"}
    marks, page = Report("annotations", None), Report("summary", Path("page"))
    assert usual_reports(there, annotated=False) == (marks, page)
    assert usual_reports(there, annotated=True) == (page,)
    assert usual_reports({**there, SUMMARY_VARIABLE: "no/page"}, annotated=False) == (marks,)
    assert usual_reports({"GITHUB_ACTIONS": "true"}, annotated=False) == (marks,)
    assert usual_reports({"CI": "true", SUMMARY_VARIABLE: "page"}, annotated=False) == ()


def test_where_another_plugin_marks_failures_the_page_alone_is_written(
    on_github: pytest.Pytester,
) -> None:
    on_github.makepyfile(pytest_github_actions_annotate_failures="")
    on_github.syspathinsert()
    result = on_github.runpytest("-p", "pytest_github_actions_annotate_failures", "-k", "own")
    assert "::error" not in result.stdout.str()
    assert "### `test_own`" in (on_github.path / "page.md").read_text()
