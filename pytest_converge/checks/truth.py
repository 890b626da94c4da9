"""Gates: the reported loss is the loss of the predictions, and has the sign it must have."""

from __future__ import annotations

import math

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.numbers import loss
from pytest_converge.core.record import TrainingRecord

__all__ = ["NEGATIVE", "loss_is_not_negative", "loss_is_that_of_the_predictions"]

#: Float32 rounding of probabilities near 0 and 1 moves a mean cross-entropy by less than this.
RELATIVE_TOLERANCE = 0.02
ABSOLUTE_TOLERANCE = 1e-3
#: Below zero by more than the rounding of a mean of float32 values.
NEGATIVE = -1e-5


def loss_is_not_negative(record: TrainingRecord, expectation: Expectation) -> Finding | None:
    """A loss that cannot be negative on suitable targets is not.

    Binary cross-entropy with labels of -1 or 2 falls without end and passes any `max_loss`.
    Likelihoods and similarities may be negative: only known losses are held to it. Penalties make
    a loss larger; where a model adds a negative term, the loss without it is held to it alone.
    """
    curve = record.curve
    whole = (curve.first, curve.last, *curve.batch_loss) if record.regularisation >= 0 else ()
    losses = [loss for loss in (record.reported_loss, *whole) if loss is not None]
    lowest = min((loss for loss in losses if math.isfinite(loss)), default=0.0)
    if not record.nonnegative or lowest >= NEGATIVE:
        return None
    message = (
        f"{record.loss_name} fell to {loss(lowest)}; it cannot be negative on targets that suit it"
    )
    return Finding(code="negative-loss", message=message, evidence={"lowest_loss": lowest})


def loss_is_that_of_the_predictions(
    record: TrainingRecord, expectation: Expectation
) -> Finding | None:
    """The loss recomputed from `predict()` and the targets agrees with the reported one.

    Keras hands the logits behind a softmax or sigmoid to a cross-entropy, so that a softmax over
    one unit trains well and predicts 1.0 for every row. Cross-entropies clip predictions next to
    0 and 1; there the recomputed loss may be the smaller one.
    """
    reported, predicted = record.reported_loss, record.predicted_loss
    if reported is None or predicted is None or not math.isfinite(reported):
        return None
    allowed = ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * abs(reported)
    difference = predicted - reported
    if abs(difference) <= allowed or (difference < 0 and record.saturated):
        return None
    message = (
        f"the loss of the predictions is {loss(predicted)}, the reported loss is {loss(reported)}"
    )
    return Finding(
        code="loss-disagrees",
        message=message,
        evidence={"predicted_loss": predicted, "reported_loss": reported},
    )
