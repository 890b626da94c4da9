"""A section of the page alone: for the page of another plugin, without scripts."""

from __future__ import annotations

import base64

from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.study import Study
from pytest_converge.report.html.page import rendered, section_of

__all__ = ["section_alone"]


def section_alone(subject: ConvergenceResult | Study, *, picture: bytes, problem: str = "") -> str:
    """A section with its own style, a picture in the place of its charts.

    Args:
        subject: what it is about.
        picture: a PNG; empty for none.
        problem: why there is none.

    Raises:
        ImportError: Jinja is missing.
    """
    name = getattr(subject, "kind", None) or getattr(subject, "verb", "")
    return rendered(
        "alone.html",
        section=section_of(subject),
        name=f"{name} #{subject.number}",
        image=base64.b64encode(picture).decode("ascii"),
        problem=problem,
    )
