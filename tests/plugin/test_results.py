"""The same summary, files and exit code, however the tests are run."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.published_schema import undated

TESTS = {
    "test_a": """
import pytest

@pytest.mark.converges(max_loss=0.1)
@pytest.mark.parametrize("kind", ["good", "bad"])
def test_it(converge, kind):
    converge.fit(kind)

def test_plain(): pass
""",
    "test_b": """
import pytest
from pytest_converge import ConvergenceError

@pytest.mark.xfail(strict=True, raises=ConvergenceError)
def test_x(converge):
    converge.minimize("good")
    converge.minimize("bad")
""",
}
TALLY = "convergence: 4 trainings, 1 did not converge, 1 failed as expected, 1.0 s"
XDIST = [
    ("-p", "no:xdist"),
    ("-n0",),
    ("-n2",),
    ("-n2", "--dist=loadfile"),
]


@pytest.fixture
def suite(faked: pytest.Pytester) -> pytest.Pytester:
    faked.makepyfile(**TESTS)
    return faked


def summary(result: pytest.RunResult) -> list[str]:
    """The lines of our section in the terminal summary."""
    lines = result.outlines
    start = next(i for i, line in enumerate(lines) if re.fullmatch("=+ convergence =+", line))
    stop = next(i for i in range(start + 1, len(lines)) if lines[i].startswith("====="))
    return lines[start:stop]


@pytest.mark.parametrize("arguments", XDIST, ids=" ".join)
def test_parallel_runs_give_the_same(suite: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    if arguments[0] != "-p":
        pytest.importorskip("xdist")
    result = suite.runpytest(
        "-v", *arguments, "--converge-json=a.json", "--junitxml=junit.xml", "-W", "error"
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=2, failed=1, xfailed=1)
    assert [" ".join(line.split()) for line in summary(result)[1:-1]] == [
        "test initial curve final steps time verdict",
        "test_a.py::test_it[bad] 1.000 █▁ 0.5000 100 0.2 s target-missed",
        "test_a.py::test_it[good] 1.000 █▁ 0.01000 100 0.2 s passed",
        "test_b.py::test_x #1 1.000 █▁ 0.01000 100 0.2 s passed",
        "test_b.py::test_x #2 1.000 █▁ 0.5000 100 0.2 s target-missed",
        TALLY,
    ]
    result.stdout.fnmatch_lines(["- generated convergence report: *a.json -"])


@pytest.mark.parametrize("arguments", XDIST, ids=" ".join)
def test_files_are_the_same(
    suite: pytest.Pytester, arguments: tuple[str, ...], snapshots: dict[str, str]
) -> None:
    if arguments[0] != "-p":
        pytest.importorskip("xdist")
    suite.runpytest(*arguments, "--converge-json=a.json", "--junitxml=junit.xml")
    text = undated((suite.path / "a.json").read_text())
    assert snapshots.setdefault("json", text) == text
    trainings = json.loads(text)["trainings"]
    assert [(t["test"].partition("::")[2], t["number"], t["verdict"]) for t in trainings] == [
        ("test_it[bad]", 1, "failed"),
        ("test_it[good]", 1, "passed"),
        ("test_x", 1, "passed"),
        ("test_x", 2, "failed"),
    ]
    properties = re.findall(
        '<property name="(converge_[^"]*)" value="([^"]*)"', (suite.path / "junit.xml").read_text()
    )
    assert properties.count(("converge_verdict", "failed")) == 1
    assert properties.count(("converge_verdict", "passed")) == 2
    assert properties.count(("converge_final_loss_2", "0.5")) == 1
    assert not [path.name for path in suite.path.iterdir() if path.name.startswith(".a.json")]


@pytest.fixture(scope="module")
def snapshots() -> dict[str, str]:
    """What the first way of running gave."""
    return {}


@pytest.mark.parametrize("arguments", XDIST[::2], ids=" ".join)
def test_sections_are_made_for_the_terminal(
    faked: pytest.Pytester, on_terminal: Callable[..., str], arguments: tuple[str, ...]
) -> None:
    faked.makepyfile("def test_it(converge):\n    converge.fit('wordy')\n")
    lines = on_terminal(*arguments, columns=100).split("\n")
    start = next(i for i, line in enumerate(lines) if re.fullmatch("-+ convergence -+", line))
    stop = next(i for i, line in enumerate(lines) if re.fullmatch("=+ convergence =+", line))
    assert len(lines[start]) == len(lines[stop]) == 100
    assert any("█" in line for line in lines[start:stop])
    long = next(i for i in range(start, stop) if ": too much" in lines[i])
    assert 80 < len(lines[long]) <= 100


def test_worker_processes_ask_what_the_terminal_of_their_controller_can(
    suite: pytest.Pytester,
) -> None:
    pytest.importorskip("xdist")
    conftest = suite.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
import io, pytest
from pytest_converge.plugin.terminal import OUTPUT, Output

@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.stash[OUTPUT] = Output(io.TextIOWrapper(io.BytesIO(), encoding="ascii"), False)
"""
    )
    result = suite.runpytest("-n1", "-k", "bad")
    result.stdout.fnmatch_lines(["loss 1.000 #_ 0.5000"])
    assert all(line.isascii() for line in result.outlines)


def test_numpy_numbers_of_a_hook_do_not_end_a_parallel_session(suite: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    conftest = suite.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
import numpy
from pytest_converge import Finding

def pytest_converge_check(record):
    evidence = {"a": numpy.float64(1), "b": numpy.int32(2), "c": numpy.bool_(True),
                "d": numpy.str_("x"), "e": numpy.ones(3)}
    return Finding(code="noted", message="noted", fails=False, evidence=evidence)
"""
    )
    result = suite.runpytest_subprocess("-n1", "--converge-json=a.json")
    result.assert_outcomes(passed=2, failed=1, xfailed=1)
    training = json.loads((suite.path / "a.json").read_text())["trainings"][1]
    evidence = training["runs"][0]["findings"][0]["evidence"]
    assert evidence == {"a": 1.0, "b": 2, "c": True, "d": "x", "e": "[1. 1. 1.]"}


def test_a_crashed_worker_keeps_the_other_results(suite: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    suite.makepyfile(
        test_c="""
        import os

        def test_crash(converge):
            converge.fit("good")
            os._exit(3)
        """
    )
    result = suite.runpytest("-n1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert TALLY in summary(result)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


RERUN = """
import pytest
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for attempt in range(2):
        item.attempt = attempt
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            if report.failed and not attempt:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
    return True

def pytest_report_teststatus(report):
    if report.outcome == "rerun":
        return "rerun", "R", "RERUN"
"""


def test_the_last_attempt_counts(faked: pytest.Pytester) -> None:
    conftest = faked.path / "conftest.py"
    conftest.write_text(conftest.read_text() + RERUN)
    faked.makepyfile(
        test_a="""
        def test_it(converge, request):
            if request.node.attempt == 0:
                converge.fit("good")
            converge.fit("good" if request.node.attempt else "bad")
        """
    )
    result = faked.runpytest("-v", "--junitxml=junit.xml")
    assert summary(result)[-2:] == [
        "test_a.py::test_it    1.000  █▁     0.01000    100  0.2 s  passed",
        "convergence: 1 training converged, 0.2 s",
    ]
    text = (faked.path / "junit.xml").read_text()
    text = text.rpartition("<testcase")[2]
    assert 'name="converge_verdict" value="passed"' in text
    assert "converge_verdict_2" not in text


def test_a_last_attempt_without_training_leaves_nothing(faked: pytest.Pytester) -> None:
    conftest = faked.path / "conftest.py"
    conftest.write_text(conftest.read_text() + RERUN)
    faked.makepyfile(
        test_a="""
        def test_it(converge, request):
            if request.node.attempt == 0:
                converge.fit("bad")
        """
    )
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["got no training from a test with the fixture converge; *"])
    result.stdout.no_fnmatch_line("*= convergence =*")


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="subtests came with pytest 9.0")
@pytest.mark.parametrize("arguments", XDIST[::2], ids=" ".join)
def test_the_last_attempt_at_a_test_with_subtests_counts(
    faked: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    conftest = faked.path / "conftest.py"
    conftest.write_text(conftest.read_text() + RERUN)
    faked.makepyfile(
        test_a="""
        def test_it(converge, subtests, request):
            for kind in ("good", "good") if request.node.attempt else ("bad", "good", "good"):
                with subtests.test(kind=kind):
                    converge.fit(kind)
            assert request.node.attempt
        """
    )
    result = faked.runpytest("-v", "--converge-json=a.json", *arguments)
    assert summary(result)[2:-1] == [
        "test_a.py::test_it #1    1.000  █▁     0.01000    100  0.2 s  passed",
        "test_a.py::test_it #2    1.000  █▁     0.01000    100  0.2 s  passed",
        "convergence: 2 trainings converged, 0.5 s",
    ]
    trainings = json.loads((faked.path / "a.json").read_text())["trainings"]
    assert [each["number"] for each in trainings] == [1, 2]


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="subtests came with pytest 9.0")
@pytest.mark.parametrize("arguments", XDIST[::2], ids=" ".join)
def test_subtests(faked: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    faked.makepyfile(
        test_a="""
        def test_it(converge, subtests):
            for kind in ("bad", "good", "bad"):
                with subtests.test(kind=kind):
                    converge.fit(kind)
        """
    )
    result = faked.runpytest(*arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert summary(result)[2:] == [
        "test_a.py::test_it #1    1.000  █▁     0.5000    100  0.2 s  target-missed",
        "test_a.py::test_it #3    1.000  █▁     0.5000    100  0.2 s  target-missed",
        "convergence: 3 trainings, 2 did not converge, 0.8 s",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--collect-only",),
        ("--no-summary",),
        ("-qq",),
        ("-p", "no:terminal"),
        ("-k", "plain"),
        ("--setup-plan",),
        ("--setup-only",),
    ],
    ids=" ".join,
)
def test_no_summary(suite: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    result = suite.runpytest(*arguments)
    assert result.ret in {0, 1}
    result.stdout.no_fnmatch_line("*convergence: *")
    result.stdout.no_fnmatch_line("*= convergence =*")
    result.stderr.no_fnmatch_line("*convergence*")


def test_quiet_is_one_line(suite: pytest.Pytester) -> None:
    result = suite.runpytest("-q", "--tb=no")
    ours = [line for line in result.outlines if "converge" in line and "::" not in line]
    assert ours == [TALLY]


def test_ascii_where_the_terminal_knows_no_more(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    result = suite.runpytest_subprocess("-v")
    assert any("1.000  #_      0.5000" in line for line in summary(result))
    assert all(line.isascii() for line in result.outlines)


def test_without_cache_and_other_plugins(suite: pytest.Pytester) -> None:
    result = suite.runpytest("-p", "no:cacheprovider", "-p", "no:logging", "-p", "no:junitxml")
    result.assert_outcomes(passed=2, failed=1, xfailed=1)
    suite.runpytest("-p", "no:capture").assert_outcomes(passed=2, failed=1, xfailed=1)


def test_results_do_not_pile_up_on_the_items(suite: pytest.Pytester) -> None:
    conftest = suite.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
from pytest_converge.plugin.runtest import STATE

def pytest_sessionfinish(session):
    left = [item.stash[STATE].results for item in session.items if STATE in item.stash]
    print("\\nleft", left)
"""
    )
    assert "left [[], [], []]" in suite.runpytest("-s").outlines


def test_interrupted_sessions_keep_what_they_have(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_c="def test_it(converge):\n    converge.fit('interrupted')\n",
    )
    result = suite.runpytest_subprocess("--converge-json=a.json")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([TALLY])
    assert len(json.loads((suite.path / "a.json").read_text())["trainings"]) == 4


def test_json_without_any_training(suite: pytest.Pytester) -> None:
    result = suite.runpytest("-k", "plain", "--converge-json=a.json")
    result.stdout.fnmatch_lines(["*- generated convergence report: *a.json -*"])
    assert json.loads((suite.path / "a.json").read_text())["trainings"] == []
    suite.runpytest("--collect-only", "--converge-json=b.json")
    assert not (suite.path / "b.json").exists()


@pytest.mark.parametrize("tests", ["plain", "bad"])
def test_json_that_cannot_be_written_is_not_hidden(suite: pytest.Pytester, tests: str) -> None:
    suite.makepyfile(
        test_c="""
        import pathlib

        def test_plain_trouble():
            pathlib.Path("sub").rmdir()
        """
    )
    suite.mkdir("sub")
    result = suite.runpytest("-k", f"{tests} or trouble", "--converge-json=sub/a.json")
    result.stdout.fnmatch_lines(["could not write the convergence report *a.json: No such file*"])
    assert result.ret == (
        pytest.ExitCode.USAGE_ERROR if tests == "plain" else pytest.ExitCode.TESTS_FAILED
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are a thing of POSIX")
def test_json_to_a_pipe_leaves_it_a_pipe(suite: pytest.Pytester) -> None:
    pipe = suite.path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/cat", str(pipe)], stdout=subprocess.PIPE) as reader:  # noqa: S603
        time.sleep(0.5)  # until it has opened its end
        suite.runpytest("--converge-json=pipe")
        text, _ = reader.communicate(timeout=30)
    assert len(json.loads(text)["trainings"]) == 4
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are a thing of POSIX")
def test_a_pipe_that_nobody_reads_does_not_hang(suite: pytest.Pytester) -> None:
    os.mkfifo(suite.path / "pipe")
    result = suite.runpytest("--converge-json=pipe")
    result.stdout.fnmatch_lines(["could not write the convergence report *pipe: *"])


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="there is no such device")
@pytest.mark.parametrize("to", ["a pipe", "a file"])
def test_json_to_the_output_of_the_session(suite: pytest.Pytester, to: str) -> None:
    command = [sys.executable, "-m", "pytest", "--converge-json=/dev/stdout"]
    log = suite.path / "log"
    with log.open("w+b") as file:
        output = file if to == "a file" else subprocess.PIPE
        done = subprocess.run(command, stdout=output, check=False, cwd=suite.path)  # noqa: S603
    text = (done.stdout or log.read_bytes()).decode()
    line = next(line for line in text.splitlines() if '"trainings"' in line)
    assert len(json.loads(line[line.index("{") :])["trainings"]) == 4
    assert text.index("collected 4 items") < text.index(line) < text.index(TALLY)


def test_json_to_a_link_replaces_what_is_behind_it(suite: pytest.Pytester) -> None:
    link, behind = suite.path / "link.json", suite.mkdir("sub") / "a.json"
    link.symlink_to(behind)
    suite.runpytest("--converge-json=link.json")
    assert link.is_symlink()
    assert len(json.loads(behind.read_text())["trainings"]) == 4


def test_hidden_sections_hide_nothing_essential(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--show-capture=no", "-k", "bad")
    result.stdout.no_fnmatch_line("*- convergence -*")
    result.stdout.fnmatch_lines(["E       ConvergenceError: target-missed: loss 0.5 > 0.1"])
