"""Beside other plugins and under options of pytest: the same verdicts, and nothing lost."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest

from tests.faults.conftest import Fault

Check = Callable[[Fault], pytest.RunResult]

#: One of each: a training that passes, one that fails, one that is expected to, and a plain test.
SUITE = """
import pytest
from pytest_converge import ConvergenceError

def test_bad(converge):
    converge.fit("bad")

def test_good(converge):
    converge.fit("good")

@pytest.mark.xfail(strict=True, raises=ConvergenceError)
def test_expected(converge):
    converge.fit("bad")

def test_plain():
    pass
"""
OUTCOMES = {"passed": 2, "failed": 1, "xfailed": 1}
TALLY = "3 trainings, 1 did not converge, 1 failed as expected"
#: Options that change what is shown or how it is run, and no verdict.
HARMLESS = [
    "-s",
    "-rA",
    "-v",
    "--assert=plain",
    "--capture=sys",
    "--capture=tee-sys",
    "--code-highlight=no",
    "--durations=3",
    "--ff",
    "--full-trace",
    "--import-mode=importlib",
    "--junitxml=a.xml",
    "--nf",
    "--no-header",
    "--show-capture=no",
    "--showlocals",
    "--tb=line",
    "--tb=long",
    "--tb=native",
    "--tb=no",
    "--tb=short",
    "-pno:cacheprovider",
    "-pno:faulthandler",
    "-pno:junitxml",
    "-pno:logging",
    "-pno:stepwise",
    "-Werror",
]


@pytest.mark.parametrize("option", HARMLESS)
def test_an_option_of_pytest_changes_no_verdict(check: Check, option: str) -> None:
    fault = Fault(
        name=option,
        source=SUITE,
        arguments=[option, "--strict-markers", "--strict-config"],
        outcomes=OUTCOMES,
        code=1,
        tally=TALLY,
    )
    check(fault)


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan", "--markers", "--fixtures"])
def test_what_runs_no_test_trains_nothing(check: Check, option: str) -> None:
    check(Fault(name=option, source=SUITE, arguments=[option], outcomes=None))


@pytest.mark.parametrize("option", ["--no-summary", "-qqq"])
def test_the_summary_may_be_switched_off(check: Check, option: str) -> None:
    source = "def test_it(converge): converge.fit('good')"
    check(Fault(name=option, source=source, arguments=[option], outcomes=None))


STRICT = Fault(
    name="strict",
    source=SUITE,
    ini="strict = true",
    outcomes=OUTCOMES,
    code=1,
    tally=TALLY,
)


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="`strict` came with pytest 9.0")
def test_strict_mode(check: Check) -> None:
    check(STRICT)


def test_last_failed_runs_what_failed(check: Check) -> None:
    check(Fault(name="all", source=SUITE, outcomes=OUTCOMES, code=1, tally=TALLY))
    again = Fault(
        name="--lf",
        source=SUITE,
        arguments=["--lf"],
        outcomes={"failed": 1},
        code=1,
        tally="1 training did not converge",
    )
    check(again)


def test_stepwise_stops_at_the_first_failure(check: Check) -> None:
    for outcomes in ({"failed": 1}, {"failed": 1}):
        fault = Fault(
            name="--sw",
            source=SUITE,
            arguments=["--sw"],
            outcomes=outcomes,
            code=2,
            tally="1 training did not converge",
        )
        check(fault)


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_the_first_failure_may_end_the_session(check: Check, option: str) -> None:
    fault = Fault(
        name=option,
        source=SUITE,
        arguments=[option],
        outcomes={"failed": 1},
        code=1,
        tally="1 training did not converge",
    )
    check(fault)


BAD_MARKER = SUITE + "\n@pytest.mark.converges(steps=0)\ndef test_marker(converge): pass\n"


@pytest.mark.parametrize("mode", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "no"])
def test_worker_processes_take_a_bad_marker(check: Check, mode: str) -> None:
    pytest.importorskip("xdist")
    fault = Fault(
        name=mode,
        source=BAD_MARKER,
        arguments=["-n1", f"--dist={mode}"],
        outcomes={**OUTCOMES, "errors": 1},
        code=1,
        tally=TALLY,
    )
    check(fault)


def test_a_worker_that_dies_takes_its_own_test_alone(check: Check) -> None:
    pytest.importorskip("xdist")
    source = """
import os

def test_a(converge):
    converge.fit("good")
    os._exit(3)

def test_b(converge):
    converge.fit("good")
"""
    fault = Fault(
        name="os._exit",
        source=source,
        arguments=["-n1"],
        outcomes={"passed": 1, "failed": 1},
        code=1,
        tally="1 training converged",
        lines=["*worker 'gw0' crashed while running 'test_a.py::test_a'*"],
    )
    check(fault)


#: Each attempt at the test takes the next.
ATTEMPTS = """
import pytest

kinds = iter({kinds})

def test_it(converge):
    converge.fit(next(kinds))
"""
RERUNS = [
    Fault(
        name="good at last",
        source=ATTEMPTS.format(kinds=["bad", "good"]),
        arguments=["--reruns=3"],
        outcomes={"passed": 1},
        tally="1 training converged",
        lines=["*1 passed, 1 rerun*"],
    ),
    Fault(
        name="never good",
        source=ATTEMPTS.format(kinds=["bad", "bad", "bad"]),
        arguments=["--reruns=2"],
        outcomes={"failed": 1},
        code=1,
        tally="1 training did not converge",
        lines=["*1 failed, 2 rerun*"],
    ),
    Fault(
        name="refused, then good",
        source=ATTEMPTS.format(kinds=["invalid", "good"]),
        arguments=["--reruns=1"],
        outcomes={"passed": 1},
        tally="1 training converged",
        lines=["*1 passed, 1 rerun*"],
    ),
    Fault(
        name="good, then no training",
        source="""
kinds = ["good"]

def test_it(converge):
    if kinds:
        converge.fit(kinds.pop())
        raise OSError
""",
        arguments=["--reruns=1"],
        outcomes={"failed": 1},
        code=1,
        lines=["got no training from a test with the fixture converge; *", "*1 failed, 1 rerun*"],
    ),
    Fault(
        name="two trainings, then one",
        source="""
numbers = [2, 1]

def test_it(converge):
    for _ in range(numbers.pop(0)):
        converge.fit("good")
    assert not numbers
""",
        arguments=["--reruns=1"],
        outcomes={"passed": 1},
        tally="1 training converged",
    ),
]
WITH_SUBTESTS = Fault(
    name="subtests",
    source="""
attempts = [1, 2]

def test_it(converge, subtests):
    attempt = attempts.pop(0)
    for number in range(3):
        with subtests.test(number=number):
            converge.fit("good")
    assert attempt == 2
""",
    arguments=["--reruns=1"],
    outcomes={"passed": 1},
    tally="3 trainings converged",
)


@pytest.mark.parametrize("fault", RERUNS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("processes", [(), ("-n1",)], ids=["", "-n1"])
def test_reruns(check: Check, fault: Fault, processes: tuple[str, ...]) -> None:
    pytest.importorskip("pytest_rerunfailures")
    pytest.importorskip("xdist")
    # It keeps a server for the worker processes until its process ends.
    changed = {"arguments": [*fault.arguments, *processes], "process": bool(processes)}
    check(dataclasses.replace(fault, **changed))


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="subtests came with pytest 9.0")
def test_reruns_with_subtests(check: Check) -> None:
    pytest.importorskip("pytest_rerunfailures")
    check(WITH_SUBTESTS)


def test_a_random_order_changes_no_draw(check: Check) -> None:
    pytest.importorskip("pytest_randomly")
    source = """
import random

def test_a(converge):
    print("\\na drew", random.random())
    converge.fit("good")

def test_b(converge):
    print("\\nb drew", random.random())
    converge.fit("good")
"""
    seen = set()
    for seed in (1, 2, 3):
        fault = Fault(
            name="randomly",
            source=source,
            arguments=["-s", f"--randomly-seed={seed}"],
            outcomes={"passed": 2},
            tally="2 trainings converged",
        )
        lines = check(fault).outlines
        seen.add(tuple(sorted(line for line in lines if re.match(r"[ab] drew", line))))
    ((first, second),) = seen
    assert first.startswith("a drew 0.")
    assert second.startswith("b drew 0.")


def test_coverage_is_measured(check: Check) -> None:
    pytest.importorskip("pytest_cov")
    fault = Fault(
        name="--cov",
        source=SUITE,
        arguments=["--cov=.", "--cov-report=term"],
        outcomes=OUTCOMES,
        code=1,
        tally=TALLY,
        lines=["test_a.py * 100%"],
        process=True,
    )
    check(fault)


def test_a_timeout_ends_a_test_and_not_its_trainings(check: Check) -> None:
    pytest.importorskip("pytest_timeout")
    fault = Fault(
        name="timeout",
        source="""
import pytest
import time

@pytest.mark.timeout(3, method="signal")
def test_slow(converge):
    converge.fit("good")
    time.sleep(60)

def test_quick(converge):
    converge.fit("good")
""",
        outcomes={"passed": 1, "failed": 1},
        code=1,
        tally="2 trainings converged",
        lines=["*Timeout*3*"],
        process=True,
    )
    check(fault)


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_async_tests_beside_trainings_run_and_cannot_train(check: Check, mode: str) -> None:
    pytest.importorskip("pytest_asyncio")
    source = """
@pytest.mark.asyncio
async def test_async():
    pass

@pytest.mark.asyncio
async def test_async_training(converge):
    pass
"""
    fault = Fault(
        name=f"asyncio, {mode}",
        source=SUITE + source,
        arguments=["--asyncio-mode", mode],
        # Unset it is a warning, and so an error here.
        ini="asyncio_default_fixture_loop_scope = function",
        outcomes={**OUTCOMES, "passed": 3, "errors": 1},
        code=1,
        tally=TALLY,
        lines=["*got test_async_training, an async test, with the marker converges; *"],
    )
    check(fault)


@pytest.mark.parametrize("processes", [(), ("-n1",)], ids=["", "-n1"])
def test_a_report_in_html_holds_every_test_and_its_sections(
    check: Check, pytester: pytest.Pytester, processes: tuple[str, ...]
) -> None:
    pytest.importorskip("pytest_html")
    pytest.importorskip("xdist")
    fault = Fault(
        name="--html",
        source=SUITE,
        arguments=["--html=a.html", "--self-contained-html", *processes],
        outcomes=OUTCOMES,
        code=1,
        tally=TALLY,
    )
    check(fault)
    text = (pytester.path / "a.html").read_text(encoding="utf-8")
    for name in ("test_bad", "test_good", "test_expected", "test_plain"):
        assert f"test_a.py::{name}" in text
    assert "did not converge" in text
    # Of each training one, with its charts where it failed.
    assert text.count("convergence: fit #1") == 3
    assert "data:image/png;base64," in text


@pytest.mark.parametrize("processes", [(), ("-n1",)], ids=["", "-n1"])
def test_a_random_order_changes_no_verdict(check: Check, processes: tuple[str, ...]) -> None:
    pytest.importorskip("pytest_randomly")
    pytest.importorskip("xdist")
    for seed in (1, 2):
        fault = Fault(
            name="randomly",
            source=SUITE,
            arguments=[f"--randomly-seed={seed}", *processes],
            outcomes=OUTCOMES,
            code=1,
            tally=TALLY,
        )
        check(fault)
