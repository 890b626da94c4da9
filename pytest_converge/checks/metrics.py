"""Gate: compiled metrics lie within the bounds that were asked for."""

from __future__ import annotations

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.numbers import beyond, number
from pytest_converge.core.record import TrainingRecord

__all__ = ["metrics_missed", "metrics_within_bounds"]


def metrics_within_bounds(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """Each bounded metric lies within (lowest, highest); a missing or NaN metric does not."""
    broken = metrics_missed(record, expectation)
    if not broken:
        return None
    evidence: dict[str, float | int | str | None] = {
        name: record.metrics.get(name) for name in expectation.metrics
    }
    message = "; ".join(broken.values())
    return Finding(code="metric-out-of-bounds", message=message, evidence=evidence)


def metrics_missed(record: TrainingRecord, expectation: Expectation) -> dict[str, str]:
    """What is wrong with each metric that is out of its bounds, by its name."""
    broken = {}
    for name, (low, high) in expectation.metrics.items():
        value = record.metrics.get(name)
        if value is None:
            broken[name] = f"{name} was not measured"
        elif low is not None and not value >= low:
            broken[name] = f"{name} is {_missed(value, low, 'below')}"
        elif high is not None and not value <= high:
            broken[name] = f"{name} is {_missed(value, high, 'above')}"
    return broken


def _missed(value: float, bound: float, side: str) -> str:
    return f"{beyond(value, bound, number)}, {side} {beyond(bound, value, number)}"
