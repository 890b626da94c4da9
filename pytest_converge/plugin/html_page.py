"""`--converge-html`: a page about the session, and the libraries that it needs."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_converge.core.result import ConvergenceResult
    from pytest_converge.core.study import Study

__all__ = ["LIBRARIES", "check_libraries", "page"]

#: What the extra `html` brings.
LIBRARIES = ("jinja2", "plotly")


def check_libraries() -> None:
    """Refuses the option where the page cannot be made.

    Raises:
        pytest.UsageError: a library is missing.
    """
    missing = [name for name in LIBRARIES if not importlib.util.find_spec(name)]
    if missing:
        from pytest_converge.core.errors import complaint

        given = f"--converge-html without {' and '.join(missing)}"
        remedy = 'Install the extra html: pip install "pytest-converge[html]"'
        raise pytest.UsageError(complaint(given, "an environment with both", remedy))


def page(
    results: Sequence[ConvergenceResult],
    studies: Sequence[Study],
    *,
    expected: Collection[str],
    caught: Collection[str],
) -> str:
    """The page about a session, with the time of day; see `html_page`."""
    from pytest_converge import __version__
    from pytest_converge.report.html.page import html_page

    return html_page(
        results,
        studies=studies,
        version=__version__,
        made=time.strftime("%Y-%m-%d %H:%M %Z"),
        expected=expected,
        caught=caught,
    )
