"""The canvas of all pictures: figures without pyplot, colours, axes that people can read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = [
    "BLUE",
    "COLORS",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "RED",
    "legend_beside",
    "log_if_positive",
    "new_figure",
    "plain_numbers",
]

#: A palette that the colour-blind can tell apart (Okabe, Ito 2008, Color universal design).
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#7f7f7f",
)  # fmt: skip
COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED)


def new_figure(width: float, height: float, title: str) -> Any:
    """An empty figure of so many inches.

    Raises:
        ImportError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        remedy = 'matplotlib is missing; install it by: pip install "pytest-converge[plots]"'
        raise ImportError(remedy) from error
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure


def log_if_positive(axes: Any, losses: Sequence[float]) -> None:
    """A logarithmic axis of losses, where they have logarithms."""
    if all(loss > 0 for loss in losses if math.isfinite(loss)):
        axes.set_yscale("log")
        plain_numbers(axes.yaxis)


def plain_numbers(axis: Any) -> None:
    """Numbers as people write them on a logarithmic axis, also within one decade."""
    from matplotlib.ticker import FuncFormatter

    def between(value: float, _: object) -> str:
        low, high = sorted(axis.get_view_interval())
        digit = round(value / 10 ** math.floor(math.log10(value) + 1e-9))
        return f"{value:g}" if high < 30 * low and digit in {2, 3, 5} else ""

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(FuncFormatter(between))


def legend_beside(axes: Any) -> None:
    """A legend to the right, where it hides no point."""
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
