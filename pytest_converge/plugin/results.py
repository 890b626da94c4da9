"""Results by test, gathered from reports, to the terminal summary and the JSON report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge.plugin.options import Settings
from pytest_converge.plugin.terminal import TerminalFormat, terminal_format

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_converge.core.result import ConvergenceResult
    from pytest_converge.core.study import Study
    from pytest_converge.report.summary import Segment

__all__ = ["ATTEMPT", "ATTRIBUTE", "PROBLEMS", "STUDIES", "TITLE", "ResultsPlugin"]

#: The attributes of a report that carry results, studies, and what could not be written, from a
#: worker process to its controller.
ATTRIBUTE, STUDIES, PROBLEMS = "converge_results", "converge_studies", "converge_problems"
#: The attribute that says which attempt at its test a report is of.
ATTEMPT = "converge_attempt"
#: Of the section in the terminal summary and of the one under a failing test.
TITLE = "convergence"


class ResultsPlugin:
    """Gathers results by test, and shows and writes them at the end of the session.

    Registered where the terminal and the files are: without worker processes, and in their
    controller.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._results: dict[str, list[dict[str, Any]]] = {}
        self._studies: dict[str, list[dict[str, Any]]] = {}
        self._attempts: dict[str, int] = {}
        self._failed: set[str] = set()
        self._expected: set[str] = set()
        self._written: list[str] = []
        self._problems: dict[str, int] = {}

    @property
    def results(self) -> list[ConvergenceResult]:
        """The results of the last attempt at each test."""
        from pytest_converge.core.result import ConvergenceResult

        return [
            ConvergenceResult.from_dict(data) for tests in self._results.values() for data in tests
        ]

    @property
    def studies(self) -> list[Study]:
        """The studies of the last attempt at each test."""
        if not self._studies:
            return []
        from pytest_converge.report.studies import study_from

        return [study_from(data) for tests in self._studies.values() for data in tests]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the results from a report; the last report of the last attempt counts.

        The order of reports says nothing of the attempts: a rerun brings those of its subtests
        before that of its own set-up.
        """
        attempt = getattr(report, ATTEMPT, None)
        if attempt is not None and attempt != self._attempts.get(report.nodeid, attempt):
            self._results.pop(report.nodeid, None)
            self._studies.pop(report.nodeid, None)
            self._failed.discard(report.nodeid)
            self._expected.discard(report.nodeid)
        if attempt is not None:
            self._attempts[report.nodeid] = attempt
        if report.failed:
            self._failed.add(report.nodeid)
        if report.skipped and hasattr(report, "wasxfail"):
            self._expected.add(report.nodeid)
        for problem in getattr(report, PROBLEMS, ()):
            self._add_problem(problem)
        # Reports that xdist makes for a crashed worker do not have the attributes.
        data = getattr(report, ATTRIBUTE, None)
        if data is not None:
            self._results[report.nodeid] = data
        studies = getattr(report, STUDIES, None)
        if studies is not None:
            self._studies[report.nodeid] = studies

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the JSON report and the page."""
        if session.config.getoption("collectonly", False):
            return
        if self._settings.json is not None:
            self._write(session, self._settings.json, "report", self._json())
        if self._settings.html is not None:
            self._write(session, self._settings.html, "page", self._page())

    def _json(self) -> str:
        from pytest_converge import __version__
        from pytest_converge.report.json_report import json_report

        return json_report(self.results, studies=self.studies, version=__version__)

    def _page(self) -> str:
        from pytest_converge.plugin.html_page import page

        caught = self._results.keys() | self._studies.keys()
        return page(
            self.results,
            self.studies,
            expected=self._expected - self._failed,
            caught=caught - self._failed - self._expected,
        )

    def _write(self, session: pytest.Session, path: Path, name: str, text: str) -> None:
        """Write a file of the session, whole or not at all."""
        from pytest_converge.core.files import write_file

        sys.stdout.flush()  # it may be where the report goes
        try:
            write_file(path, text.encode("utf-8"))
        except OSError as error:
            self._add_problem(f"could not write the convergence {name} {path}: {error.strerror}")
            # A report that is missing must not look like one that was written.
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
        else:
            self._written.append(f"generated convergence {name}: {path}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the trainings of the session."""
        config = terminalreporter.config
        if config.getoption("collectonly", False):
            return
        for problem, count in self._problems.items():
            times = f" ({count} times)" if count > 1 else ""
            terminalreporter.write_line(f"{problem}{times}", red=True)
        if terminalreporter.no_summary or not (self._results or self._studies):
            self._say_written(terminalreporter)
            return
        verbosity = self._settings.verbosity
        lines = self._summary(terminal_format(config), verbosity)
        if lines and verbosity >= 0:
            terminalreporter.write_sep("=", TITLE)
        for line in lines:
            for segment in line:
                terminalreporter.write(segment.text, **dict.fromkeys(segment.markup, True))
            terminalreporter.line("")
        self._say_written(terminalreporter)

    def _summary(self, terminal: TerminalFormat, verbosity: int) -> list[list[Segment]]:
        """The lines about trainings, then those about studies."""
        from pytest_converge.report.summary import summary_lines

        width, unicode = terminal
        lines = summary_lines(
            self.results,
            width=width,
            verbosity=verbosity,
            unicode=unicode,
            expected=self._expected - self._failed,
            caught=self._results.keys() - self._failed - self._expected,
        )
        if not self._studies:
            return lines
        from pytest_converge.report.studies import study_summary

        return lines + study_summary(
            self.studies,
            width=width,
            verbosity=verbosity,
            unicode=unicode,
            expected=self._expected - self._failed,
            caught=self._studies.keys() - self._failed - self._expected,
        )

    def _add_problem(self, problem: str) -> None:
        self._problems[problem] = self._problems.get(problem, 0) + 1

    def _say_written(self, terminalreporter: pytest.TerminalReporter) -> None:
        for said in self._written if self._settings.verbosity >= 0 else ():
            terminalreporter.write_sep("-", said)
