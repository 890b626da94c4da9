"""Notes: observations that explain a result and never turn a test red."""

from __future__ import annotations

import math

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.numbers import listed, loss, number, share
from pytest_converge.core.record import TrainingRecord

__all__ = [
    "features_vary",
    "held_out_rows_are_new",
    "inference_differs",
    "rate_is_stable",
    "units_are_alive",
]

#: A BatchNorm network 150 steps old shows 0.208 in inference and 0.025 in training mode; dropout
#: at its usual rates stays within a factor of two.
INFERENCE_FACTOR = 2.0
#: Columns named in a sentence; the rest is counted.
MOST_NAMES = 3
#: Above this share of the largest stable learning rate a step gains less than a tenth of what its
#: slope promises.
NEAR_THE_LIMIT = 0.9
#: ReLUs of a layer that are 0 on every row at the end.
DEAD_AT_THE_END = 0.5


def inference_differs(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """The inference loss is more than twice the training-mode loss at the end."""
    inference, last = record.curve.inference_loss, record.curve.final_loss
    if inference is None or last is None or not math.isfinite(last) or last <= 0:
        return None
    if inference <= INFERENCE_FACTOR * last:
        return None
    message = f"the loss is {loss(inference)} in inference and {loss(last)} in training mode"
    return Finding(
        code="inference-gap",
        message=message,
        fails=False,
        evidence={"inference_loss": inference, "final_loss": last},
    )


def features_vary(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """No input column has the same value in every row; columns of zeros are padding or pixels."""
    names = record.constant_columns
    if not names:
        return None
    return Finding(
        code="constant-feature",
        message=f"{listed(names, MOST_NAMES)} has the same value in every row",
        fails=False,
        evidence={"columns": len(names)},
    )


def rate_is_stable(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """The learning rate leaves room below the largest stable one, as far as that can be told."""
    reached, rates = record.limit_share, record.curve.learning_rate
    if reached is None or not rates or not reached > NEAR_THE_LIMIT:
        return None
    message = (
        f"learning rate {number(rates[-1])} is {share(reached)} of the largest that is stable along"
        " the last steps"
    )
    evidence = {"learning_rate": float(f"{rates[-1]:.7g}"), "limit_share": reached}
    return Finding(code="edge-of-stability", message=message, fails=False, evidence=evidence)


def units_are_alive(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """In no layer more than half of the ReLUs put out 0 for every row at the end."""
    dead = {name: part for name, part in record.dead_units.items() if part > DEAD_AT_THE_END}
    if not dead:
        return None
    shares = ", ".join(f"{share(part)} of {name}" for name, part in list(dead.items())[:MOST_NAMES])
    more = f" and {len(dead) - MOST_NAMES} more layers" if len(dead) > MOST_NAMES else ""
    return Finding(
        code="dead-units",
        message=f"units that are 0 on every row at the end: {shares}{more}",
        fails=False,
        evidence=dict(dead),
    )


def held_out_rows_are_new(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """The rows of `validation_data` are not among those trained on, beyond what repeats anyway."""
    overlap = record.overlap
    if overlap is None or not overlap.is_no_chance:
        return None
    return Finding(
        code="validation-overlap",
        message=overlap.in_words("validation_data"),
        fails=False,
        evidence=overlap.evidence,
    )
