"""Gate: the final loss does not exceed `max_loss`."""

from __future__ import annotations

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.numbers import beyond, counted, number
from pytest_converge.core.record import TrainingRecord

__all__ = ["loss_reaches_target"]


def loss_reaches_target(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """The final loss (`LossCurve.last`) is at most `max_loss`; a NaN is not."""
    bound, last = expectation.max_loss, record.curve.last
    if bound is None or last <= bound or any(i.what == "loss" for i in record.nonfinite):
        return None
    message = (
        f"loss {beyond(last, bound)} after {counted(record.curve.updates, 'step')},"
        f" above max_loss={beyond(bound, last, number)}"
    )
    return Finding(
        code="target-missed",
        message=message,
        evidence={"final_loss": last, "max_loss": bound, "initial_loss": record.curve.first},
    )
