"""Whether a repair that passes has learnt more, or only its rows by heart."""

from __future__ import annotations

from pytest_converge.core.numbers import loss
from pytest_converge.diagnosis.cause import Answer, FailedTraining
from pytest_converge.diagnosis.causes.labels_unrelated import are_inputs
from pytest_converge.diagnosis.relation import RELATED, gained_on_others
from pytest_converge.diagnosis.skill import constant_loss
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions import rows
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["BY_HEART", "unless_by_heart"]

#: A loss on rows held out that rises by this share of the best constant's while the one on the rows
#: trained on falls: too few steps and too small models do worse on both.
WORSE = 0.05
#: Causes whose repairs are what a model needs to learn its rows by heart as well.
BY_HEART = frozenset({"too-few-steps", "too-small-capacity"})
#: Fewer rows of random labels are learnt by heart on purpose, as a test of whether a model can; and
#: half of fewer is little to learn what holds for others from.
FEWEST_ROWS = 200


def unless_by_heart(failed: FailedTraining, answer: Answer) -> Answer:
    """The answer, or one that says that its repair reaches the target only by heart.

    The training as it is and with the repair are made on half of the rows, and looked at on the
    other half. Where inputs are known to say something about the targets, a repair that does worse
    there has learnt the noise of its rows, as wrong labels: nothing was missing. Where they are
    not, targets that it predicts there no better than permuted ones do not belong to their rows.

    No repair but of the causes `BY_HEART` is asked.

    It is looked at whatever the budget: it takes about as long as the proof that it is about.
    """
    change = None if answer.trial is None else failed.trials.changes.get(answer.trial.change)
    if change is None or not {part.code for part in change.parts or (change,)} & BY_HEART:
        return answer
    constant = constant_loss(failed)
    if not constant or not constant > 0:
        return answer
    signal = failed.signal
    if signal is not None and signal.some:
        found = _noise(failed, change, constant)
    else:
        found = _unrelated(failed, change, constant)
    if found is not None and answer.trial is not None:
        failed.trials.ask(answer.trial)
    return found or answer


def _noise(failed: FailedTraining, change: Intervention, constant: float) -> Answer | None:
    half, other = _halves(change.code)
    plain = Intervention(code=change.code, change="as it is")
    as_it_is = failed.reruns.loss_on_others(plain.combined(half), other)
    repaired = failed.reruns.loss_on_others(change.combined(half), change.combined(other))
    if not repaired - as_it_is > WORSE * constant:
        return None
    return Answer(
        cause="unreachable-target",
        message=(
            f"{change.change} reaches it only by heart: on rows held out the loss rises from"
            f" {loss(as_it_is)} to {loss(repaired)}, as with noise or wrong labels"
        ),
        floor=failed.record.curve.last,
    )


def _unrelated(failed: FailedTraining, change: Intervention, constant: float) -> Answer | None:
    data = failed.reruns.rows
    if data is None or data.epoch_rows < FEWEST_ROWS or are_inputs(failed) or _are_ids(data):
        return None
    half, other = _halves(change.code)
    repaired = failed.reruns.loss_on_others(change.combined(half), change.combined(other))
    if not repaired > (1 - RELATED) * constant:
        return None
    gained = gained_on_others(failed, change)
    if gained is None or gained > RELATED:
        return None
    return Answer(
        cause="labels-unrelated",
        message=(
            f"{change.change} reaches it only by heart: rows held out get a loss of"
            f" {loss(repaired)}, the best constant {loss(constant)}, and targets in random order"
            " are predicted no worse there"
        ),
    )


def _are_ids(data: ArrayData) -> bool:
    """Whether each input of a row is one number of a kind, as of a user and a film.

    Of what half of the rows say about each, little holds for the other half.
    """
    inputs = [array for name, array in batch_leaves(data.arrays) if name.startswith("x")]
    ids = [array.dtype.kind in "iu" and array.size == len(array) for array in inputs]
    return bool(ids) and all(ids)


def _halves(code: str) -> tuple[Intervention, Intervention]:
    """Half of the rows, and the rest of them."""
    return rows.random_half(0, code), rows.random_half(0, code, other=True)
