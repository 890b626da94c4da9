"""How far a training can be looked into and changed, apart from its repairs."""

from __future__ import annotations

import math

from pytest_converge.diagnosis.stages import cannot_widen
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.measures.slope_ratio import step_gauge

__all__ = ["early_gauge", "one_batch", "out_of_reach"]

#: The gauge of a run that left the finite numbers: beyond any overshoot.
OVERSHOT = -10.0


def one_batch(laboratory: Laboratory) -> dict[str, float | int | str | None]:
    """Whether one batch can be learnt by heart, where no repair tells more."""
    try:
        reading = laboratory.overfits_one_batch()
    except Exception:  # noqa: BLE001 - a clue that cannot be had is none
        return {}
    if reading is None or not math.isfinite(reading.final):
        return {}
    return {"one_batch_initial_loss": reading.initial, "one_batch_final_loss": reading.final}


def out_of_reach(laboratory: Laboratory, cause: str) -> list[tuple[str, str]]:
    """Changes that this training does not let anybody make, and why.

    Args:
        laboratory: of the failed run.
        cause: what is said of it; a model's size matters where nothing was found.
    """
    training, reasons = laboratory.training, []
    if laboratory.rows is None:
        why = "the data is closed over by the loss or the step, or streamed"
        reasons.append(("other data", why))
    if not training.optimizer_is_ours:
        reasons.append(("another optimizer", "the step holds its own"))
    if cause in ("unknown", "unreachable-target") and cannot_widen(training):
        reasons.append(("a wider model", "Keras cannot rebuild it with other sizes"))
    return reasons


def early_gauge(laboratory: Laboratory) -> float:
    """The median of the step gauge early in the run; NaN where it is not known."""
    laboratory.put_back()
    try:
        reading = step_gauge(
            laboratory.training, laboratory.start, laboratory.steps, loop=laboratory.loop
        )
    except Exception:  # noqa: BLE001 - a clue that cannot be had is none
        return math.nan
    finally:
        laboratory.put_back()
    if reading is None:
        return math.nan
    median = math.nan if reading.median is None else reading.median
    if reading.finite:
        return median
    return OVERSHOT if math.isnan(median) else min(median, OVERSHOT)
