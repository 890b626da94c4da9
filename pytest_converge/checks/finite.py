"""Gates: the data, the loss and the weights are finite."""

from __future__ import annotations

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.record import NonFinite, TrainingRecord

__all__ = ["data_is_finite", "loss_is_finite", "weights_are_finite"]

#: When step 0 was.
START = "before the first step"


def data_is_finite(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """Inputs, targets and sample weights hold no NaN and no infinity.

    The loss may not show it: a fused layer can turn a NaN into 0 while the weights are lost.
    """
    seen = [item for item in record.nonfinite if item.what == "data"]
    if not seen:
        return None
    first = seen[0]
    others = len(seen) - 1
    more = f", and {others} more column{'s' * (others > 1)}" if others else ""
    count = f" ({first.count} in all)" if first.count and first.count > 1 else ""
    message = f"{first.name} is not finite, first in row {first.row}{count}{more}"
    return Finding(code="nonfinite-data", message=message, evidence=_evidence(first))


def loss_is_finite(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """No loss that was recorded is NaN or infinite, that of the model in inference included."""
    item = record.nonfinite_loss
    if item is None:
        return None
    when = f"became {item.name} at step {item.step}" if item.step else f"was {item.name} {START}"
    message = f"the loss {when}"
    return Finding(code="nonfinite-loss", message=message, evidence=_evidence(item))


def weights_are_finite(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """No weight is NaN or infinite at the end."""
    item = next((item for item in record.nonfinite if item.what == "weights"), None)
    if item is None:
        return None
    message = f"the weights of {item.name} are not finite after step {item.step}"
    return Finding(code="nonfinite-weights", message=message, evidence=_evidence(item))


def _evidence(item: NonFinite) -> dict[str, float | int | str | None]:
    values = {"name": item.name, "row": item.row, "step": item.step, "count": item.count}
    return {key: value for key, value in values.items() if value is not None}
