"""Whether a repair that passes has learnt more, or only its rows by heart."""

from __future__ import annotations

from pytest_converge.core.numbers import loss
from pytest_converge.diagnosis.cause import Answer, FailedTraining
from pytest_converge.diagnosis.causes.labels_unrelated import constant_loss, signal_of
from pytest_converge.training.interventions import rows
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["unless_by_heart"]

#: A loss on rows held out that rises by this share of the best constant's while the one on the rows
#: trained on falls: too few steps and too small models do worse on both.
WORSE = 0.05


def unless_by_heart(failed: FailedTraining, answer: Answer) -> Answer:
    """The answer, or one that says that its repair reaches the target only by heart.

    The training as it is and with the repair are made on half of the rows, and looked at on the
    other half. A repair that does worse there has learnt the noise of its rows, as wrong labels:
    nothing was missing. Only where the inputs are known to say something about the targets: a test
    that asks for random labels by heart means it.
    """
    change = None if answer.trial is None else failed.trials.changes.get(answer.trial.change)
    if change is None:
        return answer
    signal, constant = signal_of(failed), constant_loss(failed)
    if signal is None or not signal.some or not constant:
        return answer
    trials = failed.trials
    if trials.spent + failed.record.seconds * (1 + change.steps_factor) > trials.budget:
        return answer
    half, other = rows.random_half(0, answer.cause), rows.random_half(0, answer.cause, other=True)
    plain = Intervention(code=answer.cause, change="as it is")
    as_it_is = failed.reruns.loss_on_others(plain.combined(half), other)
    repaired = failed.reruns.loss_on_others(change.combined(half), other)
    if not repaired - as_it_is > WORSE * constant:
        return answer
    return Answer(
        cause="unreachable-target",
        message=(
            f"{change.change} reaches it only by heart: on rows held out the loss rises from"
            f" {loss(as_it_is)} to {loss(repaired)}, as with noise or wrong labels"
        ),
        floor=failed.record.curve.last,
    )
