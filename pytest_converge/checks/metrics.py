"""Gate: compiled metrics lie within the bounds that were asked for."""

from __future__ import annotations

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.numbers import beyond, number
from pytest_converge.core.record import TrainingRecord

__all__ = ["metrics_within_bounds"]


def metrics_within_bounds(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """Each bounded metric lies within (lowest, highest); a missing or NaN metric does not."""
    broken = []
    evidence: dict[str, float | int | str | None] = {}
    for name, (low, high) in expectation.metrics.items():
        value = record.metrics.get(name)
        evidence[name] = value
        if value is None:
            broken.append(f"{name} was not measured")
        elif low is not None and not value >= low:
            broken.append(f"{name} is {_missed(value, low, 'below')}")
        elif high is not None and not value <= high:
            broken.append(f"{name} is {_missed(value, high, 'above')}")
    if not broken:
        return None
    return Finding(code="metric-out-of-bounds", message="; ".join(broken), evidence=evidence)


def _missed(value: float, bound: float, side: str) -> str:
    return f"{beyond(value, bound, number)}, {side} {beyond(bound, value, number)}"
