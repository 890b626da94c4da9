"""Results from a test onto its reports, which also cross from worker processes."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from pytest_converge.pytest_side.collector import ATTRIBUTE, TITLE
from pytest_converge.pytest_side.lifecycle import STATE
from pytest_converge.pytest_side.screen import screen_of

__all__ = ["attach", "primitives"]

#: What execnet can send, besides lists and dicts of it; subclasses it cannot.
PLAIN = (bool, int, float, str, type(None))


def attach(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Put new results on the report, and the section that explains a failure."""
    state = item.stash.get(STATE, None)
    if state is None or not state.results:
        return
    if len(state.results) > state.reported:
        # All of them: a test with subtests has several reports, of which the last one counts.
        setattr(report, ATTRIBUTE, [primitives(result.to_dict()) for result in state.results])
        state.reported = len(state.results)
    if report.when == "teardown":
        # Items live as long as the session; curves of every step would pile up on them.
        state.results.clear()
        return
    if call.excinfo is None or report.passed:
        return
    if call.excinfo.errisinstance(pytest.skip.Exception):
        return
    from pytest_converge.core.errors import ConvergenceError
    from pytest_converge.report.section import section

    error = call.excinfo.value
    # An assertion of the test's own is about what was trained last.
    explained = error.result if isinstance(error, ConvergenceError) else state.results[-1]
    screen = screen_of(item.config)
    text = section(explained, width=screen.width, unicode=screen.unicode)
    report.sections.append((TITLE, text))


def primitives(value: Any) -> Any:
    """`value` in the plain types that cross to another process.

    A hook may have put a NumPy scalar into its finding; one of those ends an xdist session.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, dict):
        return {str(key): primitives(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [primitives(item) for item in value]
    with contextlib.suppress(Exception):
        number = value.item() if hasattr(value, "item") else float(value)
        if type(number) in PLAIN:
            return number
    return str(value)
