"""From the reports of pytest to what other places than the terminal show of a failure."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_converge.core.failed_test import FailedTest
from pytest_converge.core.repository import root_of

__all__ = ["CODE", "LINE", "failed_tests", "line_of"]

#: The attributes of a report that name the cause, the gate or the study that failed, and the line
#: of the test that the error came through.
CODE, LINE = "converge_code", "converge_line"


def line_of(error: BaseException, file: Path) -> int | None:
    """The line of the outermost call in a file that an error came through; None where none did."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if os.path.realpath(frame.f_code.co_filename) == os.path.realpath(file):
            return line
    return None


def failed_tests(reports: Iterable[pytest.TestReport], *, rootpath: Path) -> list[FailedTest]:
    """One of each report, by test; nothing of one that only counts its failed subtests.

    Args:
        reports: failed ones, of each test in the order in which they came.
        rootpath: that of pytest.
    """
    root, seen, found = root_of(rootpath), set(), []
    for report in reports:
        if isinstance(report.longrepr, str) and report.nodeid in seen:
            continue
        seen.add(report.nodeid)
        file = (rootpath / report.location[0]).resolve()
        found.append(
            FailedTest(
                test=report.nodeid,
                path=_relative(file, root) if file.is_file() else "",
                line=getattr(report, LINE, None) or (report.location[1] or 0) + 1,
                code=getattr(report, CODE, ""),
                message=_message(report),
            )
        )
    return sorted(found, key=lambda each: each.test)


def _relative(file: Path, root: Path) -> str:
    """With slashes, as code hosts write it; the whole path on another drive."""
    try:
        return Path(os.path.relpath(file, root)).as_posix()
    except ValueError:
        return file.as_posix()


def _message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return getattr(crash, "message", None) or str(report.longrepr).strip()
