"""A curve as small as a word, as SVG that stands in a line of text or a cell of a table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from pytest_converge.report.sparkline import log_suits

__all__ = ["small_curve"]

#: Units of the drawing; a page scales it. The line stays within by `EDGE` on each side.
WIDTH, HEIGHT, EDGE = 100, 24, 2
#: A curve that moves by less than this share of its size is drawn flat, as in a sparkline of text.
FLAT_SHARE = 0.01


def small_curve(points: Sequence[tuple[float, float]]) -> str:
    """The drawing, in the colour of the text around it; empty without a finite loss.

    The vertical axis is logarithmic where the losses span some decades. What is not finite leaves
    a gap.

    Args:
        points: (steps, loss), by rising steps.
    """
    losses = [loss for _, loss in points if math.isfinite(loss)]
    if not losses:
        return ""
    log = log_suits(losses)
    heights = [math.log(loss) if log else loss for loss in losses]
    low, high = min(heights), max(heights)
    flat = high - low <= (0.0 if log else FLAT_SHARE * max(abs(low), abs(high)))
    left, right = points[0][0], points[-1][0]

    def place(point: tuple[float, float]) -> str:
        step, loss = point
        across = (step - left) / (right - left) if right > left else 0.5
        # The difference of two huge losses may overflow.
        share = (math.log(loss) if log else loss) / 2 - low / 2
        up = 0.5 if flat else share / (high / 2 - low / 2)
        x = EDGE + across * (WIDTH - 2 * EDGE)
        y = HEIGHT - EDGE - up * (HEIGHT - 2 * EDGE)
        return f"{x:.1f} {y:.1f}"

    parts = itertools.groupby(points, key=lambda point: math.isfinite(point[1]))
    lines = [[*map(place, part)] for finite, part in parts if finite]
    # A single point has no length; a round end makes it visible.
    path = "".join(f"M{line[0]}L{' '.join(line[1:] or line)}" for line in lines)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{path}"/></svg>'
    )
