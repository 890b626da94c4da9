"""What is compared: a training of a test, its settings, and what of it is ranked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pytest_converge.core.baseline import Value
from pytest_converge.core.calls import Call
from pytest_converge.core.errors import InvalidTrainingError, complaint, nearest
from pytest_converge.core.expectation import Expectation

__all__ = ["Subject", "check_metric", "subject_of"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The training that has a baseline.

    Attributes:
        test: the id of the test.
        number: which training of its test it is, counted from 1.
        settings: what must be equal for a comparison to make sense.
        metric: what is compared in place of the loss curve; None for the curve.
    """

    test: str
    number: int
    settings: Mapping[str, Value]
    metric: str | None = None


def subject_of(
    test: str, number: int, expectation: Expectation, call: Call, *, batches: bool
) -> Subject:
    """The training that a verb was called for.

    Args:
        test: the id of the test.
        number: which training of its test it is, counted from 1.
        expectation: what is expected of it.
        call: of the verb.
        batches: True where the data come in batches of their own.
    """
    settings: dict[str, Value] = {
        "metric": expectation.metric,
        "seed": expectation.seed,
        "steps": expectation.steps,
        "verb": call.verb,
        **({} if batches else call.batching),
    }
    return Subject(test=test, number=number, settings=settings, metric=expectation.metric)


def check_metric(metric: str | None, directions: Mapping[str, bool | None]) -> None:
    """Refuses a metric that is not measured, or of which nobody knows what better is.

    Args:
        metric: its name; None for the loss curve.
        directions: what is measured, and whether more of it is better, None if unknown.
    """
    if metric is None:
        return
    if metric not in directions:
        remedy = nearest(metric, directions)
        if metric.startswith("val_") and not any(name.startswith("val_") for name in directions):
            remedy = "Pass held-out data: validation_data=(x, y)."
        raise InvalidTrainingError(complaint(f"metric={metric!r}", "a compiled metric", remedy))
    if directions[metric] is None:
        expected = "one of which Keras knows whether more is better"
        remedy = "Use a loss, as metric='loss', or a metric of keras.metrics."
        raise InvalidTrainingError(complaint(f"metric={metric!r}", expected, remedy))
