"""The targets do not belong to their rows.

The targets do not belong to their rows: one of the two arrays was shuffled or sorted alone, a join
went wrong, the wrong column was taken. Or there is nothing in these features to learn the targets
from.

## How it is found

It is the last thing to be said, when no change made the test pass. The targets are then permuted
among the rows, so that nothing is left to be learnt, and the training is repeated. If the best run
on the real targets beats the one on permuted targets by no more than 5 % of the loss of the best
constant prediction, the real ones are learnt no better than random ones. (Permutation test for
classifiers: Ojala and Garriga 2010.)

A large network can memorise random labels (Zhang et al. 2017, *Understanding deep learning
requires rethinking generalization*). Where the permuted targets are learnt to more than 5 % below
the best constant, the training as you wrote it is compared with its own like on permuted targets,
in its own number of steps; if those are learnt by heart as well, nothing is said.

It is not said either where the model is to blame or the targets are the inputs: of an autoencoder,
where a layer of ReLUs is dead at the start ([dead-units](dead-units.md)), or where the model gets
no more than 5 % below the best constant on a single batch.

There is no code to paste: no change of the training repairs it.

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

import math

from pytest_converge.columns.contradictions import targets_are_inputs
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Step
from pytest_converge.diagnosis.evidence import one_batch
from pytest_converge.diagnosis.trials import OutOfTimeError
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import targets
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["CAUSE", "RELATED", "are_inputs", "learns_a_batch", "relation"]

#: Advantage of the best run over one with permuted targets that shows a relation, as a share of the
#: loss of the best constant; and that of one batch learnt by heart, or of permuted targets.
RELATED = 0.05


def relation(failed: FailedTraining) -> float | None:
    """By how much of the constant loss the best run beats the same on permuted targets.

    Where the permuted ones are learnt by heart as well, the failed run is compared with its own
    like: in fewer steps less is learnt so. None where that does not help either, and where it is
    not the loss that was missed.
    """
    constant = failed.record.constant_loss
    if not failed.misses_the_loss or constant is None or not constant > 0:
        return None
    if failed.reruns.rows is None:
        return None
    failed.trials.budget = math.inf  # the control is one run, and without it nothing can be said
    control = _loss_of(failed, _like_the_best(failed))
    if control is None:
        return None
    gained = (min(control, constant) - failed.best) / constant
    if gained > RELATED or constant - control <= RELATED * constant:
        return gained
    own = _loss_of(failed, targets.permuted(0))
    if own is None:
        return None
    of_own = (min(own, constant) - failed.record.curve.last) / constant
    by_heart = constant - own > RELATED * constant
    return of_own if of_own > RELATED or not by_heart else None


def _loss_of(failed: FailedTraining, permuted: Intervention) -> float | None:
    try:
        control = failed.trials.control(permuted, confirm=False)
    except OutOfTimeError:
        return None
    return control.losses[0] if control and math.isfinite(control.losses[0]) else None


def _like_the_best(failed: FailedTraining) -> Intervention:
    """The permuted targets under the change that reached the lowest loss, where it was one."""
    permuted = targets.permuted(0)
    for trial in failed.trials.like_the_failed_run:
        change = failed.trials.changes.get(trial.change)
        if trial.losses[0] == failed.best and change is not None:
            return permuted.combined(change)
    return permuted


def are_inputs(failed: FailedTraining) -> bool:
    """True where the targets are the inputs themselves, as in an autoencoder."""
    data = failed.reruns.rows
    return data is not None and targets_are_inputs(batch_leaves(data.arrays))


def learns_a_batch(failed: FailedTraining) -> bool:
    """Whether the model gets clearly below the best constant on one batch alone.

    A model that does not even do that says nothing about its labels.
    """
    constant = failed.record.constant_loss
    reading = one_batch(failed.reruns, failed.trials.guard)
    if reading is None or constant is None:
        return False
    return constant - reading.final > RELATED * constant


def _unrelated(failed: FailedTraining) -> Answer | None:
    """Labels that say nothing, unless it is the model that learns nothing."""
    gained = relation(failed)
    if gained is None or gained > RELATED or are_inputs(failed) or not learns_a_batch(failed):
        return None
    message = "the targets are learnt no better than the same targets in random order"
    return Answer(cause=CAUSE.code, message=message)


CAUSE = Cause(
    code="labels-unrelated",
    steps=(Step(place=Place.UNRELATED_TARGETS, answer=_unrelated),),
)
