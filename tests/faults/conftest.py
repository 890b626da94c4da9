"""Sessions of pytest with one thing wrong, and the stand-in for the runner."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.plugin.conftest import FAKE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """What is tried, and what exactly must come of it.

    Attributes:
        name: of the fault.
        source: the module of tests.
        arguments: of pytest.
        outcomes: what `assert_outcomes` compares; None where the last line tells none.
        code: the exit code.
        tally: the last line of the convergence summary, without its seconds; None for no summary.
        lines: lines of the output, in this order.
        conftest: what is added to the conftest.
        ini: settings in pytest.ini.
        process: whether it needs a process of its own.
    """

    name: str
    source: str
    arguments: Sequence[str] = ()
    outcomes: Mapping[str, int] | None
    code: int = 0
    tally: str | None = None
    lines: Sequence[str] = ()
    conftest: str = ""
    ini: str = ""
    process: bool = False


@pytest.fixture
def check(pytester: pytest.Pytester) -> Callable[[Fault], pytest.RunResult]:
    """Runs a fault and compares all that it must give."""

    def run(fault: Fault) -> pytest.RunResult:
        pytester.makeconftest(FAKE + fault.conftest)
        pytester.makepyfile(test_a=fault.source)
        if fault.ini:
            pytester.makeini(f"[pytest]\n{fault.ini}\n")
        start = pytester.runpytest_subprocess if fault.process else pytester.runpytest_inprocess
        # Where it is installed, it is on unless it is asked not to be.
        ordered = any("randomly" in argument for argument in fault.arguments)
        result = start(*fault.arguments, *(() if ordered else ("-pno:randomly",)))
        text = f"{result.stdout.str()}\n{result.stderr.str()}"
        assert "INTERNALERROR" not in text
        if fault.outcomes is not None:
            result.assert_outcomes(**fault.outcomes)
        assert result.ret == fault.code
        tallies = [line for line in result.outlines if line.startswith("convergence: ")]
        assert [line.rpartition(", ")[0] for line in tallies] == (
            [] if fault.tally is None else [f"convergence: {fault.tally}"]
        )
        if fault.lines:
            result.stdout.fnmatch_lines(list(fault.lines))
        return result

    return run
