"""The picture of a training: its loss curve, and the loss surface beside it."""

from __future__ import annotations

import math
from typing import Any

from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.surface import LossSurface
from pytest_converge.report.axes import BLUE, GREY, ORANGE, RED, log_if_positive, new_figure

__all__ = ["training_figure"]


def training_figure(result: ConvergenceResult, surface: LossSurface | None) -> Any:
    """The loss curve, and the surface beside it."""
    verdict = "converged" if result.passed else "did not converge"
    figure = new_figure(11 if surface else 6.5, 4.5, f"{result.test}: {verdict}")
    axes = figure.add_subplot(1, 2, 1) if surface else figure.add_subplot()
    curve = result.curve.thinned()
    if not result.shown_run.record.probe_rows:
        axes.plot(curve.steps, curve.batch_loss, color=BLUE, lw=1.2, label="loss")
    else:
        axes.plot(curve.steps, curve.batch_loss, color=GREY, lw=0.7, label="loss of each batch")
        axes.plot(*curve.trend, color=BLUE, lw=2, label="loss on the probe set")
    bound = result.expectation.max_loss
    if bound is not None:
        axes.axhline(bound, color=ORANGE, lw=1.2, label=f"max_loss {bound:g}")
    log_if_positive(axes, [*curve.batch_loss, *curve.probe_loss])
    axes.set_xlabel("steps (optimizer updates)")
    axes.set_ylabel("loss")
    axes.legend(fontsize=8)
    if surface is not None:
        beside = figure.add_subplot(1, 2, 2)
        (_plane if surface.y else _line)(figure, beside, surface)
    return figure


def _line(figure: Any, axes: Any, surface: LossSurface) -> None:
    """The loss of one parameter, with the path on it."""
    axes.plot(surface.x, surface.losses[0], color=GREY, lw=1.2, label="loss")
    xs, losses = [p[0] for p in surface.path], [p[2] for p in surface.path]
    axes.plot(xs, losses, color=BLUE, lw=0.8, marker=".", ms=4, label="path")
    axes.plot(xs[:1], losses[:1], color=ORANGE, marker="s", ls="", label="start")
    axes.plot(xs[-1:], losses[-1:], color=RED, marker="*", ms=11, ls="", label="end")
    axes.set_xlabel(surface.names[0])
    axes.set_ylabel("loss")
    axes.legend(fontsize=8)


def _plane(figure: Any, axes: Any, surface: LossSurface) -> None:
    """Contours of the loss over two coordinates, with the path or the end."""
    finite = [loss for row in surface.losses for loss in row if math.isfinite(loss)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    grid = [[loss if math.isfinite(loss) else high for loss in row] for row in surface.losses]
    from matplotlib.colors import BoundaryNorm

    levels = _levels(low, high)
    norm = BoundaryNorm(levels, 256)
    filled = axes.contourf(surface.x, surface.y, grid, levels=levels, cmap="viridis", norm=norm)
    axes.contour(surface.x, surface.y, grid, levels=levels, colors="white", linewidths=0.3)
    bar = figure.colorbar(filled, ax=axes, format=lambda value, _: f"{value:.3g}")
    bar.set_label("loss")
    unit = " (lengths of the weights)" if surface.slice_of_model else ""
    axes.set_xlabel(f"{surface.names[0]}{unit}")
    axes.set_ylabel(f"{surface.names[1]}{unit}")
    if surface.path:
        xs, ys = [p[0] for p in surface.path], [p[1] for p in surface.path]
        axes.plot(xs, ys, color="white", lw=1, marker=".", ms=3, label="path")
        axes.plot(xs[:1], ys[:1], color=ORANGE, marker="s", ls="", label="start")
        axes.plot(xs[-1:], ys[-1:], color=RED, marker="*", ms=11, ls="", label="end")
    else:
        axes.plot([0], [0], color=RED, marker="*", ms=11, ls="", label="end of the training")
        axes.set_title("slice through the weights, normalised by filter", fontsize=9)
    axes.legend(fontsize=8, facecolor="lightgrey")


def _levels(low: float, high: float, count: int = 16) -> list[float]:
    """Levels of contours: by factors where the losses span some, else by amounts."""
    if not high > low:
        return [low, low + 1.0]
    if low > 0 and high / low > 10:
        return [low * (high / low) ** (i / count) for i in range(count + 1)]
    return [low + (high - low) * (i / count) ** 2 for i in range(count + 1)]
