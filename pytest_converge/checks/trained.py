"""Gate: something was trained."""

from __future__ import annotations

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.numbers import counted
from pytest_converge.core.record import TrainingRecord

__all__ = ["something_is_trained"]


def something_is_trained(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """A trained variable has another value at the end than at the start.

    A training that begins where the loss is stationary changes nothing by right: its gradients
    were seen, and each was exactly 0. A gradient that was never seen is no such reason.
    """
    norms = record.curve.gradient_norm
    if record.variables_changed is not False or (norms and not any(norms)):
        return None
    why = "the gradient was not 0" if norms else "no gradient was seen"
    message = f"no trained variable changed in {counted(record.curve.updates, 'step')}, and {why}"
    evidence = {"steps": record.curve.updates, "largest_gradient": max(norms, default=None)}
    return Finding(code="nothing-trained", message=message, evidence=evidence)
