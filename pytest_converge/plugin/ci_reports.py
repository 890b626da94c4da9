"""`--converge-report`: what failed where people look, in CI and beside a merge request."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_converge.plugin.options import Settings
from pytest_converge.plugin.outputs import SUMMARY_VARIABLE, Report, wrong_file
from pytest_converge.plugin.results import ResultsPlugin

__all__ = ["CiReportsPlugin", "configure", "usual_reports"]

#: A plugin that marks the failures of all tests; one failure needs one mark.
ANNOTATING_PLUGIN = "pytest_github_actions_annotate_failures"


def configure(config: pytest.Config, settings: Settings, results: ResultsPlugin) -> None:
    """Have the reports written that are asked for, or that suit the place."""
    reports = settings.report
    if reports is None:
        annotated = config.pluginmanager.has_plugin(ANNOTATING_PLUGIN)
        reports = usual_reports(os.environ, annotated=annotated)
    if reports:
        plugin = CiReportsPlugin(config, reports, results)
        config.pluginmanager.register(plugin, "converge_ci_reports")


def usual_reports(environ: Mapping[str, str], *, annotated: bool) -> tuple[Report, ...]:
    """What is written without being asked for: on GitHub Actions annotations and a summary.

    Args:
        environ: the environment of the process.
        annotated: another plugin marks what fails.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return ()
    marks = () if annotated else (Report("annotations", None),)
    page = environ.get(SUMMARY_VARIABLE)
    # In a container of one's own the variable may name a file that is not there.
    if not page or wrong_file(Path(page)):
        return marks
    return (*marks, Report("summary", Path(page)))


class CiReportsPlugin:
    """Writes the reports at the end of the session.

    Registered where the results are gathered.
    """

    def __init__(
        self, config: pytest.Config, reports: tuple[Report, ...], results: ResultsPlugin
    ) -> None:
        self._config = config
        self._reports = reports
        self._results = results
        self._printed = ""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files, and keep what is printed."""
        if session.config.getoption("collectonly", False):
            return
        for report in self._reports:
            if report.kind == "off":
                continue
            text = self._text(report)
            if report.path is None:
                self._printed += text
            elif not _is_shared(report.path):
                self._results.write(session, report.path, text)
            elif text:
                self._results.write(session, report.path, text, append=True)

    def pytest_unconfigure(self) -> None:
        """Print, now that the terminal is at the beginning of a line: the runner reads lines."""
        from pytest_converge.report.layout import encodable

        sys.stdout.write(encodable(self._printed, sys.stdout))
        sys.stdout.flush()

    def _text(self, report: Report) -> str:
        from pytest_converge.plugin.failed_tests import failed_tests

        failed = failed_tests(self._results.failures, rootpath=self._config.rootpath)
        if report.kind == "annotations":
            from pytest_converge.report.annotations import annotation_lines

            return annotation_lines(failed)
        if report.kind == "codequality":
            from pytest_converge.report.code_quality import code_quality

            return code_quality(failed)
        from pytest_converge.report.job_summary import job_summary

        results = self._results
        return job_summary(
            results.results,
            results.studies,
            failed,
            expected=results.expected,
            caught=results.caught,
        )


def _is_shared(path: Path) -> bool:
    """True for the page of the job, which other commands append to as well."""
    page = os.environ.get(SUMMARY_VARIABLE)
    return bool(page) and os.path.realpath(path) == os.path.realpath(page or "")
