"""Numbers inside the sentences of findings."""

from __future__ import annotations

__all__ = ["number", "share"]


def number(value: float) -> str:
    """Four significant digits: enough to compare, short enough for one line."""
    return f"{value:.4g}"


def share(value: float) -> str:
    """A share as a percentage: 0.153 becomes `15 %`."""
    return f"{100 * value:.0f} %"
