"""Results by test, gathered from reports, to the terminal summary and the JSON report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge.plugin.options import Settings
from pytest_converge.plugin.terminal import TerminalFormat, terminal_format

if TYPE_CHECKING:
    from pytest_converge.core.origin import Origin
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
        self._failed: dict[str, list[pytest.TestReport]] = {}
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

    @property
    def failures(self) -> list[pytest.TestReport]:
        """The failed reports of the last attempt at each convergence test."""
        return [report for reports in self._failed.values() for report in reports]

    @property
    def expected(self) -> Collection[str]:
        """The ids of tests that failed as their mark says."""
        return self._expected - self._failed.keys()

    @property
    def caught(self) -> Collection[str]:
        """The ids of tests that passed, whatever became of their trainings and studies."""
        return (self._results.keys() | self._studies.keys()) - self._failed.keys() - self._expected

    def write(
        self,
        session: pytest.Session,
        path: Path,
        text: str,
        *,
        append: bool = False,
        what: str = "convergence report",
    ) -> None:
        """Write a report, or add it to a file that others write to as well."""
        from pytest_converge.core.files import append_to_file, write_file

        writer = append_to_file if append else write_file
        sys.stdout.flush()  # it may be where the report goes
        content = text.encode("utf-8")
        self.writing(session, what, path, lambda: writer(path, content))

    def writing(
        self, session: pytest.Session, what: str, path: Path, write: Callable[[], None]
    ) -> None:
        """Have something written, which the terminal summary names, or says that it could not be.

        Args:
            session: that of pytest, which fails where it could not be.
            what: is written.
            path: where.
            write: writes it.
        """
        try:
            write()
        except OSError as error:
            self._add_problem(f"could not write the {what} {path}: {error.strerror}")
            # A report that is missing must not look like one that was written.
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
        else:
            self._written.append(f"generated {what}: {path}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the results from a report; the last report of the last attempt counts.

        The order of reports says nothing of the attempts: a rerun brings those of its subtests
        before that of its own set-up.
        """
        attempt = getattr(report, ATTEMPT, None)
        if attempt is not None and attempt != self._attempts.get(report.nodeid, attempt):
            self._results.pop(report.nodeid, None)
            self._studies.pop(report.nodeid, None)
            self._failed.pop(report.nodeid, None)
            self._expected.discard(report.nodeid)
        if attempt is not None:
            self._attempts[report.nodeid] = attempt
        if report.failed:
            kept = self._failed.setdefault(report.nodeid, [])
            kept += [report] if attempt is not None else []
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
            from pytest_converge.report.json_report import json_report

            text = json_report(self.results, studies=self.studies, origin=_origin(session.config))
            self.write(session, self._settings.json, text)
        if self._settings.html is not None:
            from pytest_converge.plugin.html_page import page

            text = page(self.results, self.studies, expected=self.expected, caught=self.caught)
            self.write(session, self._settings.html, text, what="convergence page")

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
            expected=self.expected,
            caught=self.caught,
        )
        if not self._studies:
            return lines
        from pytest_converge.report.studies import study_summary

        return lines + study_summary(
            self.studies,
            width=width,
            verbosity=verbosity,
            unicode=unicode,
            expected=self.expected,
            caught=self.caught,
        )

    def _add_problem(self, problem: str) -> None:
        self._problems[problem] = self._problems.get(problem, 0) + 1

    def _say_written(self, terminalreporter: pytest.TerminalReporter) -> None:
        for said in self._written if self._settings.verbosity >= 0 else ():
            terminalreporter.write_sep("-", said)


def _origin(config: pytest.Config) -> Origin:
    """What there is to say of this session."""
    import datetime as dt

    from pytest_converge import __version__
    from pytest_converge.core.origin import Origin
    from pytest_converge.core.repository import commit_of

    now = dt.datetime.now(dt.timezone.utc)
    created = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    return Origin(version=__version__, created=created, commit=commit_of(config.rootpath))
