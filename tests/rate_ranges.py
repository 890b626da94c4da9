"""Ranges of learning rates made by hand."""

from __future__ import annotations

import math

from pytest_converge.core.rate_range import RatePoint, RateRange, ScheduleRun

__all__ = ["point", "rate_range", "usual"]


def point(rate, loss, passed=False, **changes):
    """A training at a rate; one that failed missed its target, or diverged where it is infinite."""
    diverged = not loss <= 1.0
    finding = "" if passed else "target-missed" if math.isfinite(loss) else "nonfinite-loss"
    values = {"diverged": diverged, "steps": 100, "finding": finding, **changes}
    return RatePoint(learning_rate=rate, final_loss=loss, passed=passed, **values)


def rate_range(points, *, own=0.1, **changes):
    """A range of these points."""
    values = {"test": "test_a.py::test_it", "initial_loss": 1.0, "steps": 100, "seconds": 1.5}
    return RateRange(points=tuple(points), own=own, **{**values, **changes})


def usual(**changes):
    """Passes from 0.01 to 1, is best at 0.3, and diverges from 3 on."""
    points = [
        point(1e-5, 0.99, steps=6, complete=False, finding=""),
        point(0.001, 0.9),
        point(0.01, 0.4, passed=True),
        point(0.1, 0.2, passed=True),
        point(0.3, 0.05, passed=True),
        point(1.0, 0.1, passed=True),
        point(1.3, 0.6),
        point(3.0, 40.0),
        point(1000.0, math.nan, steps=4),
    ]
    values = {"max_loss": 0.5, "stability_limit": 2.5, "optimizer": "keras.optimizers.SGD({})"}
    return rate_range(points, **{**values, **changes})


def with_schedule():
    """The usual range with a schedule beside it."""
    return usual(schedules=(ScheduleRun(name="cosine", point=point(0.5, 0.04, passed=True)),))
