"""`--converge-html`: a page about the session."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_converge.core.result import ConvergenceResult
    from pytest_converge.core.study import Study

__all__ = ["LIBRARIES", "page"]

#: What the extra `html` brings.
LIBRARIES = ("jinja2", "plotly")


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
