"""Gradients that are not finite where the loss is: branches that were not taken, roots at 0."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.clues import SPIKE
from pytest_converge.training.interventions import finite_gradients
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import is_keras
from pytest_converge.training.interventions.rerun import Laboratory

__all__ = ["broken_step", "message", "without_breaks"]

#: Gradients that grew so many times before belong to a run that left the finite numbers by itself.
GREW = 1e3


def broken_step(record: TrainingRecord) -> int | None:
    """The step, counted from 1, in which a calm run with a finite loss has no finite gradient."""
    losses, norms = record.curve.batch_loss, record.curve.gradient_norm
    step = next((n for n, norm in enumerate(norms) if not math.isfinite(norm)), None)
    if step is None or not math.isfinite(losses[step]):
        return None
    first = abs(losses[0])
    calm = all(abs(loss) <= SPIKE * max(first, 1e-12) for loss in losses[: step + 1])
    grown = step > 0 and max(norms[:step]) > GREW * max(norms[0], 1e-12)
    return step + 1 if calm and not grown else None


def without_breaks(lab: Laboratory, record: TrainingRecord) -> Iterator[Intervention]:
    """The same training without what is not finite of its gradients."""
    ours = is_keras(lab.training) and lab.training.optimizer_is_ours
    if broken_step(record) is not None and ours:
        yield finite_gradients.finite()


def message(step: int) -> str:
    """What is seen, and where to look."""
    return (
        f"the gradient of step {step} is not finite although its loss is: look for a root, a"
        " logarithm or a division, also in a branch of tf.where that is not taken"
    )
