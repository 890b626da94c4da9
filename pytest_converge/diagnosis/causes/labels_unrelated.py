"""The targets do not belong to their rows.

The targets do not belong to their rows: one of the two arrays was shuffled or sorted alone, a join
went wrong, the wrong column was taken. Or there is nothing in these features to learn the targets
from.

## How it is found

Without the model: targets are predicted from the inputs of up to 900 rows by nearest neighbours and
by a linear fit, both on scaled features and on rows held out, also from inputs that lie up to
sixteen rows away, where there are so many. What either predicts better than the best constant is
there to be learnt, and then the targets are never called unrelated.

Where the targets of each row's own inputs cannot be predicted and those some rows away can, rows
are paired wrongly: a window, a lag or a header line was cut off from one array alone. The targets
are moved by as many rows, and the training is repeated; it is verified where every gate then passes
on three seeds. A column that holds the targets of other rows, as the last value of a series that is
to be forecast, makes no such shift. Windows that overlap tell the targets of all their rows: these
are put beside the windows that they end, and only where they came from before; targets from after a
window are its forecast. Windows that come in any order are put back into that of time first, by the
steps that they share.

A `tf.data.Dataset` whose inputs say nothing about their targets is read once more without its
shuffles: if the same inputs then stand beside other targets, the two are shuffled apart, as by
`x.shuffle()` and `y.shuffle()` in one `zip`. The training is repeated on the pairs.

Pictures and series that are stored channels first, and brought to channels last by `reshape` in
place of `transpose`, have the shape that is asked for and their numbers anywhere. Masks can also
have rows and columns exchanged, or be mirrored against their pictures. A linear fit on the inputs
around each place tells in which order the targets belong to them: where another order predicts them
better by a skill of 0.1, the training is repeated with it. Inputs whose places side by side are
much more alike when they are transposed are transposed as well, whatever their targets are.

Pictures and masks that are flipped or turned at random apart from each other belong together in
some of the rows. A linear fit tells in which a mask is turned, and how: these are turned back, in
each start anew.

Of a model with two outputs whose targets have one shape, each is also trained on those of the
other: a list of targets may come in another order than the outputs.

A step of your own may draw noise for its inputs, and other noise for what predictions are to be, as
where a model of diffusion is to tell the noise that was added. Nothing can predict the second: the
first takes its place, and the training is repeated.

A step of your own may also draw its rows itself, as from a buffer, by random indices. Where it
draws them anew for each of several tables of one length, and what is compared with the predictions
comes from other rows than their inputs, all tables get those that are drawn first. Two rows of one
table, as of pairs, are left as they are.

Otherwise it is the last thing to be said, when no change made the test pass. The targets are then
permuted among the rows, so that nothing is left to be learnt, and the training is repeated. If the
best run on the real targets beats the one on permuted targets by no more than 5 % of the loss of
the best constant prediction, the real ones are learnt no better than random ones. (Permutation test
for classifiers: Ojala and Garriga 2010.)

A large network can memorise random labels (Zhang et al. 2017, *Understanding deep learning
requires rethinking generalization*). Where the permuted targets are learnt to more than 5 % below
the best constant, the training as you wrote it is compared with its own like on permuted targets,
in its own number of steps. If those are learnt by heart as well, the training is made on half of
the rows and looked at on the other half: targets that are related are predicted better there than
each of three permutations, by 5 % of the loss of the best constant and by more than these differ.

More steps, or a larger model, that reach the target prove nothing where they do so by heart. Where
the inputs are not known to say anything about the targets and there are 200 rows or more, either is
also trained on half of the rows, and has to get below the best constant on the other half, or to
predict it better than permuted targets, as above. Else the targets do not belong to their rows, as
of files that are listed in another order than their labels: `img_10` stands before `img_2`. Of rows
that are nothing but ids, as of a user and a film, half say too little about the others to tell.

It is not said either where the model is to blame or the targets are the inputs: of an autoencoder,
of batches of fewer than 16 rows, where a layer of ReLUs is dead at the start
([dead-units](dead-units.md)), or where the model gets no more than 5 % below the best constant on a
single batch. Of pictures, sequences and tokens, from which neither predictor may see what a network
sees, it is said only where the network got clearly below the best constant on the real or on the
permuted targets, and where no change was left out.

Of targets that are not merely shifted there is no code to paste: no change repairs them.

## A test that shows it

```python
import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(4096, 4))
y = (x.sum(axis=1) > 0).astype("float32")


def classifier():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
    return model


def test_shuffled_apart(converge):
    converge.fit(classifier, x[rng.permutation(4096)], y, min_skill=0.5)
```

## Repair

Shuffle rows and targets by one permutation, and look at some rows beside their targets.

```python
def test_shuffled_together(converge):
    order = rng.permutation(4096)
    converge.fit(classifier, x[order], y[order], min_skill=0.5)
```
"""

import dataclasses
import functools
import math
from collections.abc import Iterable
from typing import Any

from pytest_converge.columns.contradictions import targets_are_inputs
from pytest_converge.columns.order_of_axes import misplaced
from pytest_converge.columns.signal import Signal
from pytest_converge.columns.turned_apart import turned_apart
from pytest_converge.columns.windows import shift_of_windows
from pytest_converge.core.numbers import number
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.evidence import one_batch
from pytest_converge.diagnosis.relation import RELATED, relation
from pytest_converge.diagnosis.skill import constant_loss
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import axes, rows, steps, targets
from pytest_converge.training.interventions.drawn_once import drawn_once, rows_drawn_once
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.pairing import shuffled_apart

__all__ = ["CAUSE", "are_inputs", "learns_a_batch", "left_out"]

#: What is seen of a dataset that shuffles twice.
APART = "the dataset shuffles features and targets apart: the same rows come with other targets"
#: So many times the steps that bring the loss down by less than this share say that it has arrived.
LONGER, STILL_GAINS = 4, 0.1
#: How many outputs can have the targets of each other.
BOTH = 2
#: Axes of an array of pictures.
PICTURES = 4
#: Rows of a batch from which a network can tell: BatchNorm on one row gives nothing but its shift.
FEWEST_ROWS = 16


def left_out(failed: FailedTraining) -> list[str]:
    """The changes for which no time was left and that something hints at.

    Several at once were tried one by one; another optimizer, shorter steps of a run that is stable,
    and more steps where four times as many gained little, help whatever is wrong.
    """
    changes = failed.trials.changes
    known = [changes[name] for name in failed.trials.left_out if name in changes]
    return [change.change for change in known if not _is_remedy(failed, change)]


def _is_remedy(failed: FailedTraining, change: Intervention) -> bool:
    longer = change.steps_factor > LONGER and not _gains_by_time(failed)
    clipped = change.code == "exploding-gradient" and not failed.evidence.unstable
    return bool(change.parts) or change.other_optimizer or longer or clipped


def _gains_by_time(failed: FailedTraining) -> bool:
    """Whether four times the steps brought the loss clearly down, or were not tried."""
    trial = failed.trials.done.get(steps.more(failed.reruns.steps, LONGER).change)
    return trial is None or trial.losses[0] < (1 - STILL_GAINS) * failed.record.curve.last


def are_inputs(failed: FailedTraining) -> bool:
    """True where the targets are the inputs themselves, as in an autoencoder."""
    data = failed.reruns.rows
    return data is not None and targets_are_inputs(batch_leaves(data.arrays))


def learns_a_batch(failed: FailedTraining) -> bool:
    """Whether the model gets clearly below the best constant on one batch alone.

    A model that does not even do that says nothing about its labels.
    """
    constant = constant_loss(failed)
    reading = one_batch(failed.reruns, failed.trials.guard)
    if reading is None or constant is None or reading.rows < FEWEST_ROWS:
        return False
    return constant - reading.final > RELATED * constant


def _realigned(failed: FailedTraining, signal: Signal) -> Intervention:
    data = failed.reruns.rows
    names = ["x", "y"] if data is None else [name for name, _ in batch_leaves(data.arrays)]
    return rows.realigned(signal.shift, names)


def _misaligned(failed: FailedTraining) -> Answer | None:
    """Targets that are those of inputs some rows away, put beside them."""
    signal = failed.signal
    if signal is None or not signal.shift:
        return None
    found = failed.first_passing([_realigned(failed, signal)])
    return found and dataclasses.replace(found, message=_away(signal))


def _misaligned_windows(failed: FailedTraining) -> Repairs:
    """The same of windows of a series that come in any order."""
    inputs, targets = _inputs_and_targets(failed)
    if len(targets) != 1:
        return
    (wanted,) = targets.values()
    for name, array in inputs.items():
        look = functools.partial(shift_of_windows, array, wanted)
        shift = failed.at_the_start("targets of windows", look)
        if shift:
            yield rows.windows_realigned(name, shift)


def _away(signal: Signal) -> str:
    far = abs(signal.shift)
    many = "a row" if far == 1 else f"{far} rows"
    place = "after" if signal.shift > 0 else "before"
    return (
        f"the targets lie {many} {place} their inputs: so paired, they are predicted without the"
        f" model with skill {number(signal.skills[signal.shift])}, as given with"
        f" {number(signal.skill)}"
    )


def _apart(failed: FailedTraining) -> Intervention | None:
    """The pairs of a dataset that shuffles inputs and targets apart from each other."""
    data, signal = failed.reruns.rows, failed.signal
    if data is None or (signal is not None and signal.some):
        return None
    in_order = failed.trials.guard.measured("rows without their shuffles", data.in_source_order)
    if in_order is None or not shuffled_apart(data, in_order):
        return None
    return dataclasses.replace(rows.paired((data.epoch_rows, data.batch_size)), fault=APART)


def _paired(failed: FailedTraining) -> Repairs:
    change = _apart(failed)
    if change is not None:
        yield change


def _reordered(failed: FailedTraining) -> Repairs:
    """Arrays in the order in which their places belong together, where that is not the given."""
    inputs, targets = _inputs_and_targets(failed)
    found = failed.at_the_start("order of axes", lambda: misplaced(inputs, targets))
    if found:
        yield axes.reordered(found)


def _turned_apart(failed: FailedTraining) -> Repairs:
    """Targets turned back in the rows in which they are turned against their pictures."""
    inputs, targets = _inputs_and_targets(failed)
    found = failed.at_the_start("turned targets", lambda: turned_apart(inputs, targets))
    if found:
        channels = next(x.shape[-1] for x in inputs.values() if x.ndim == PICTURES)
        yield axes.turned_back(found, channels)


def _inputs_and_targets(failed: FailedTraining) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of one epoch of the rows in memory, by name; empty where there are none."""
    data = failed.reruns.rows
    if data is None:
        return {}, {}
    once = slice(data.epoch_rows)  # later epochs bring the same rows again
    inputs, targets = axes.inputs_and_targets(data)
    return {n: x[once] for n, x in inputs.items()}, {n: y[once] for n, y in targets.items()}


def _exchanged(failed: FailedTraining) -> Repairs:
    """The targets of two outputs, each for the other one, where they are of one shape and type."""
    data = failed.reruns.rows
    targets = [] if data is None else [x for x in batch_leaves(data.arrays) if x[0][0] == "y"]
    if len(targets) != BOTH or targets[0][1].shape != targets[1][1].shape:
        return
    if targets[0][1].dtype == targets[1][1].dtype:
        yield rows.exchanged(*(name for name, _ in targets))


def _drawn_once(failed: FailedTraining) -> Repairs:
    """The noise of the inputs as what is predicted, where the loss draws some for itself."""
    found = failed.evidence.computation.noise
    change = None if found is None else drawn_once(found)
    if change is not None:
        yield change


def _rows_drawn_once(failed: FailedTraining) -> Repairs:
    """The same rows of all tables, where a step draws others for each."""
    found = failed.evidence.computation.apart
    if found is not None:
        yield rows_drawn_once(found)


def _rows_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough, and nothing that is compared is of the same row."""
    found = failed.evidence.computation.apart
    if found is None or not found.unrelated:
        return None
    change = rows_drawn_once(found)
    return Answer(cause=CAUSE.code, message=change.fault, fix=change.fix)


def _noise_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough."""
    for change in _drawn_once(failed):
        return Answer(cause=CAUSE.code, message=change.fault, fix=change.fix)
    return None


def _unrelated(failed: FailedTraining) -> Answer | None:
    """Labels that say nothing, unless it is the model that learns nothing."""
    signal = failed.signal
    apart = _apart(failed)
    if apart is not None:
        return Answer(cause=CAUSE.code, message=APART, where=apart.where, fix=apart.fix)
    if signal is not None and signal.shift:
        change = _realigned(failed, signal)
        return Answer(cause=CAUSE.code, message=_away(signal), where=change.where, fix=change.fix)
    alone = signal is not None and signal.none
    if (signal is not None and signal.some) or (left_out(failed) and not alone):
        return None
    gained = relation(failed)
    if gained is None:
        gained = 0.0 if alone else math.inf  # by heart both ways, where nothing can be told
    if gained > RELATED or are_inputs(failed) or not _can_tell(failed, signal):
        return None
    message = "the targets are learnt no better than the same targets in random order"
    if alone:
        message += ", and a linear fit and nearest neighbours predict nothing of them either"
    return Answer(cause=CAUSE.code, message=message)


def _can_tell(failed: FailedTraining, signal: Signal | None) -> bool:
    """Whether it is not the model that learns nothing, whatever its targets are."""
    alone = signal is not None and signal.none
    if signal is not None and alone and signal.places:
        return True  # a convolution learns no batch of masks by heart
    return learns_a_batch(failed) and (alone or _learnt_something(failed))


def _learnt_something(failed: FailedTraining) -> bool:
    """Whether some run got clearly below the best constant, on the real or on permuted targets."""
    constant = constant_loss(failed)
    if constant is None:
        return False
    trials = failed.trials
    permuted = targets.permuted(0).change
    losses = [t.losses[0] for t in trials.done.values() if t.control and permuted in t.change]
    return any(constant - loss > RELATED * constant for loss in [failed.best, *losses])


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    signal = failed.signal
    shifted = [_realigned(failed, signal)] if signal is not None and signal.shift else []
    # Exchanged targets are tried alone: nothing shows them, and where they are right the exchange
    # would undo all other repairs.
    drawn = [*_drawn_once(failed), *_rows_drawn_once(failed)]
    return [[*_paired(failed), *shifted], drawn, [*_reordered(failed)]]


CAUSE = Cause(
    code="labels-unrelated",
    usual=_usual,
    steps=(
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_drawn_once),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_rows_drawn_once),
        Step(place=Place.MISALIGNED_ROWS, repairs=_paired),
        Step(place=Place.MISALIGNED_ROWS, answer=_misaligned),
        Step(place=Place.MISALIGNED_ROWS, repairs=_misaligned_windows),
        Step(place=Place.MISALIGNED_ROWS, repairs=_reordered),
        Step(place=Place.MISALIGNED_ROWS, repairs=_turned_apart),
        Step(place=Place.MISALIGNED_ROWS, repairs=_exchanged),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_noise_seen),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_rows_seen),
        Step(place=Place.UNRELATED_TARGETS, answer=_unrelated),
    ),
)
