"""A curve as small as a word, as SVG that stands in a line of text or a cell of a table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from pytest_converge.report.charts.loss_axis import ABOVE, BELOW, loss_axis

__all__ = ["small_curve"]

#: Units of the drawing; a page scales it. The line stays within by `EDGE` on the left and right.
WIDTH, HEIGHT, EDGE = 100, 24, 2


def small_curve(points: Sequence[tuple[float, float]]) -> str:
    """The drawing, in the colour of the text around it; empty without a finite loss.

    What is off the scale runs along the edge; what is not finite leaves a gap.

    Args:
        points: (steps, loss), by rising steps.
    """
    losses = [loss for _, loss in points if math.isfinite(loss)]
    if not losses:
        return ""
    axis = loss_axis([losses])
    low, high = axis.ends
    left, right = points[0][0], points[-1][0]

    def place(point: tuple[float, float]) -> str:
        step, loss = point
        across = (step - left) / (right - left) if right > left else 0.5
        # The difference of two huge losses may overflow.
        end = {ABOVE: high, BELOW: low}.get(axis.sign(loss))
        height = end if end is not None else math.log10(loss) if axis.log else loss
        up = (height / 2 - low / 2) / (high / 2 - low / 2)
        return f"{EDGE + across * (WIDTH - 2 * EDGE):.3g} {HEIGHT * (1 - up):.3g}"

    parts = itertools.groupby(points, key=lambda point: math.isfinite(point[1]))
    lines = [[*map(place, part)] for finite, part in parts if finite]
    # A single point has no length; a round end makes it visible.
    path = "".join(f"M{line[0]}L{' '.join(line[1:] or line)}" for line in lines)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{path}"/></svg>'
    )
