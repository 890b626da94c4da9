"""Results from a test onto its reports, which also cross from worker processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_converge.plugin import results
from pytest_converge.plugin.failed_tests import CODE, LINE, line_of
from pytest_converge.plugin.html_extras import add_extras
from pytest_converge.plugin.results import ATTRIBUTE, PROBLEMS, STUDIES, TITLE
from pytest_converge.plugin.runtest import ATTEMPT, STATE, State
from pytest_converge.plugin.terminal import TerminalFormat, terminal_format

__all__ = ["attach"]


def attach(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Put new results on the report, and the section that explains a failure."""
    state = item.stash.get(STATE, None)
    attempt = item.stash.get(ATTEMPT, 1)
    if state is not None or attempt > 1:  # an attempt without trainings replaces one that had some
        setattr(report, results.ATTEMPT, attempt)
    error = None if call.excinfo is None else call.excinfo.value
    if state is not None and error is not None:
        setattr(report, LINE, line_of(error, item.path))
    if state is None or not (state.results or state.studies):
        return
    if error is not None:
        _take_in(state, error)
    if len(state.results) + len(state.studies) > state.reported:
        _load(state, report)
    if report.when == "teardown":
        _add_properties(state, report)
        add_extras(item, state, report)
        # Items live as long as the session; curves of every step would pile up on them.
        state.results.clear()
        state.studies.clear()
        return
    if error is None or report.passed or isinstance(error, pytest.skip.Exception):
        return
    setattr(report, CODE, _code(error))
    for text in _sections(state, error, terminal_format(item.config)):
        report.sections.append((TITLE, text))
    _say_in_short(report, error)


def _add_properties(state: State, report: pytest.TestReport) -> None:
    """Those of the studies, each as its assertions left it: JUnit reads them from this report."""
    from pytest_converge.report.json_report import study_properties

    report.user_properties += [pair for study in state.studies for pair in study_properties(study)]


def _code(error: BaseException) -> str:
    """The cause, the gate or the study that an error is about; empty for one of the test's own."""
    from pytest_converge.core.failures import ConvergenceError, StudyError
    from pytest_converge.report.diagnosis import verdict

    if isinstance(error, ConvergenceError):
        return verdict(error.result)
    return error.study.kind if isinstance(error, StudyError) else ""


def _say_in_short(report: pytest.TestReport, error: BaseException) -> None:
    """Begin the line of the short summary with what happened: its class takes a third of it."""
    from pytest_converge.core.failures import ConvergenceError, StudyError

    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and isinstance(error, (ConvergenceError, StudyError)):
        crash.message = str(error)


def _take_in(state: State, error: BaseException) -> None:
    """The study that an assertion failed, in the place of the one that it was made about."""
    from pytest_converge.core.failures import StudyError

    if not isinstance(error, StudyError):
        return
    for index, study in enumerate(state.studies):
        if study.number == error.study.number:
            state.studies[index] = error.study
            state.reported = 0


def _load(state: State, report: pytest.TestReport) -> None:
    """All of them: a test with subtests has several reports, of which the last one counts."""
    from pytest_converge.report.studies import study_to_dict

    if state.results:
        setattr(report, ATTRIBUTE, [result.to_dict() for result in state.results])
    if state.studies:
        setattr(report, STUDIES, [study_to_dict(study) for study in state.studies])
    if state.problems:
        setattr(report, PROBLEMS, list(state.problems))
        state.problems.clear()
    state.reported = len(state.results) + len(state.studies)


def _sections(state: State, error: BaseException, terminal: TerminalFormat) -> Iterator[str]:
    """What the error is about; an assertion of the test's own is about what was done last."""
    from pytest_converge.core.failures import ConvergenceError, StudyError
    from pytest_converge.report.section import section
    from pytest_converge.report.studies import study_section

    if not isinstance(error, StudyError) and state.results:
        explained = error.result if isinstance(error, ConvergenceError) else state.results[-1]
        message = str(error) if isinstance(error, ConvergenceError) else ""
        width, unicode = terminal.width, terminal.unicode
        yield section(explained, width=width, unicode=unicode, message=message)
    if not isinstance(error, ConvergenceError) and state.studies:
        study = error.study if isinstance(error, StudyError) else state.studies[-1]
        yield study_section(study, width=terminal.width, unicode=terminal.unicode)
