"""The sections of the page for `pytest-html`, where that writes its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_converge.plugin.runtest import State

__all__ = ["add_extras"]

#: The name under which it is registered, and the option that has it write a report.
PLUGIN, OPTION = "html", "htmlpath"
#: The attribute of a report that it reads.
EXTRAS = "extras"


def add_extras(item: pytest.Item, state: State, report: pytest.TestReport) -> None:
    """Put a section for each training and study on a report of a test.

    It is that of the teardown, when all of them are as their assertions left them: `pytest-html`
    takes the extras of all phases. What failed has a picture too, where matplotlib is there.

    Args:
        item: the test.
        state: what it gave.
        report: of its teardown.
    """
    extras = getattr(item.config.pluginmanager.getplugin(PLUGIN), "extras", None)
    if extras is None or not item.config.getoption(OPTION, None):
        return
    made = [extras.html(_section(subject)) for subject in (*state.results, *state.studies)]
    setattr(report, EXTRAS, [*getattr(report, EXTRAS, []), *made])


def _section(subject: Any) -> str:
    import importlib.util

    from pytest_converge.core.guard import Guard
    from pytest_converge.report.figures import can_draw, picture
    from pytest_converge.report.html.extra import section_alone

    guard, drawn = Guard(), None
    if not subject.passed and can_draw(subject) and importlib.util.find_spec("matplotlib"):
        drawn = guard.measured("no picture", lambda: picture(subject, "png"))
    problem = "; ".join(f"{name}: {error}" for name, error in guard.failed)
    return section_alone(subject, picture=drawn or b"", problem=problem)
