"""`converge trend`: trainings over several JSON reports."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_converge.command.json_reports import JsonReport, read_report, trends_of
from pytest_converge.command.terminal import Terminal
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.report.trend import overview_lines, trend_lines

__all__ = ["DESCRIPTION", "add_arguments", "trend"]

DESCRIPTION = """\
Show how trainings went over several reports, as pytest --converge-json=PATH
writes them: the final loss in each, and whether it passed, else its cause.
Reports come in the order of their dates, those without one first, as given.
Trainings that failed last come first.

exit codes:
  0  all reports were shown
  2  a report could not be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line of `converge trend` takes."""
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="JSON reports")
    parser.add_argument("--test", default="", metavar="TEXT", help="tests with TEXT in their ids")
    parser.add_argument(
        "--each", action="store_true", help="show a row for each report that has a training"
    )


def trend(options: argparse.Namespace, terminal: Terminal) -> int:
    """Show the trainings over the given reports.

    Returns:
        The exit code.
    """
    reports: list[JsonReport] = []
    for path in options.reports:
        try:
            reports.append(read_report(path))
        except InvalidTrainingError as error:
            terminal.complain(str(error))
    # A stable sort: those of one second stay as they were given.
    reports.sort(key=lambda report: report.name.created)
    trends = [each for each in trends_of(reports) if options.test in each.test]
    names = [report.name for report in reports]
    if not trends:
        terminal.say("no trainings")
    elif not options.each:
        lines = overview_lines(trends, names, width=terminal.width, unicode=terminal.unicode)
        terminal.write(lines)
    for index, each in enumerate(trends if options.each else ()):
        if index:
            terminal.say()
        terminal.write(trend_lines(each, names, width=terminal.width, unicode=terminal.unicode))
    return 0 if len(reports) == len(options.reports) else 2
