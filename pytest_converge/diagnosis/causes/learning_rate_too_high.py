"""Each step goes beyond the minimum.

Each step goes beyond the minimum along its direction. The loss oscillates, stays high, grows, or
ends as NaN; a network with ReLUs may die in the first steps and look calm later.

## How it is found

The training is repeated from the same start with other learning rates, the nearest decade first.
The finding names a rate only if every gate passes with it on three seeds; the *bracket* gives the
smallest and the largest rate that passed, and a proposal from within: the lowest loss among those
that are at least three times away from every rate that failed, where there is one. Where the loss
of a training fell by a tenth at least, and another rate loses a tenth of that again, the rates
beyond it and those between others are left until four times the steps were tried.

Where to look first is told by the **step gauge**: with d the update just made, it compares the
slope along d after the step with the slope before, (g(w + d) d) / (g(w) d), on the same batch.

| gauge | the step |
|---|---|
| near 1 | is too short to feel any curvature |
| 0 | ends at the minimum along its direction |
| below 0 | goes beyond it; below -1 the loss along it is higher than before |

Its median over the first tenth of the steps told the direction of a wrong rate in 47 of 49
failures. For SGD the *stability limit* is shown too, 2 (1 + momentum) / largest Hessian eigenvalue
at the start: above it gradient descent on a quadratic diverges (Polyak 1964; Cohen et al. 2021).

Weights of rows or classes multiply each step as a rate does: where their mean is ten times from 1,
they are divided by it, and those of classes also balanced, before any rate is tried. So does a loss
that is summed over the rows of a batch, by `reduction="sum"`, in a function or in a step of your
own: a batch with every row twice has twice the loss. The mean is tried in its place: of a step what
it returns and its gradients are divided by the rows. A bound that the mean does not meet from the
start on is taken as it stands.

Where a rate passes on some of the seeds and none on all, two more are tried between such rates, or
at half and twice. Where none passes, but one brings the loss nine tenths of the way from its start
to the bound, up to three more are tried between it and its neighbours. Where the loss rose, such a
stable rate is tried with four and with sixteen times as many steps.

Where the loss rose and no change passed, the same rate is tried under the usual schedules: an
exponential decay, steps, a warm-up before a cosine decay, and restarts.

A rule on scale that fired is tried before the rate: see [unscaled-features](unscaled-features.md).

## A test that shows it

```python
import tensorflow as tf
from keras.optimizers import SGD


def bowl(converge, rate):
    w = tf.Variable([3.0, 3.0])  # curvatures 2 and 20: stable below 2 / 20 = 0.1
    converge.minimize(lambda: tf.reduce_sum([1.0, 10.0] * w**2), [w], SGD(rate), max_loss=0.01)


def test_descent(converge):
    bowl(converge, 0.2)
```

## Repair

Take the proposed rate, or one from the middle of the bracket: at its edge the next change fails.

```python
def test_slower_descent(converge):
    bowl(converge, 0.05)
```
"""

import functools
import math
from collections.abc import Iterable

from pytest_converge.diagnosis.cause import Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.rate_search import (
    any_rate_that_passes,
    rate_and_steps,
    rate_that_passes,
    sentence,
)
from pytest_converge.training.interventions import (
    averaged_loss,
    class_weights,
    learning_rate,
    optimizers,
)
from pytest_converge.training.measures.summed_loss import rows_summed
from pytest_converge.training.model.losses import loss_names

#: A mean weight of rows is as good as 1 within a decade, the distance in which rates are searched.
USUAL_MEAN = 10.0


def _decaying(failed: FailedTraining) -> Repairs:
    """The same rate under a schedule, which ends low enough and begins high enough."""
    training, rate = failed.training, failed.evidence.rate
    plain = failed.takes_optimizer and optimizers.is_keras(training)
    plain = plain and not learning_rate.has_schedule(training)
    if plain and failed.evidence.unstable and math.isfinite(rate):
        yield from learning_rate.scheduled(training, rate, failed.reruns.steps)


def _weights(failed: FailedTraining) -> Repairs:
    """Weights that multiply every step, or shorten it."""
    rows = failed.reruns.rows
    mean = None if rows is None else class_weights.mean_weight(rows)
    if mean is not None and mean < 1 and failed.evidence.never_too_slow:
        return
    if rows is not None and mean is not None and not 1 / USUAL_MEAN < mean < USUAL_MEAN:
        yield from class_weights.of_mean_one(rows, mean)


def _sums(failed: FailedTraining) -> Repairs:
    """A loss that is summed over the rows of a batch: a rate as many times as high."""
    training, reruns = failed.training, failed.reruns
    told = averaged_loss.is_told_to_sum(training)
    if told:
        rows = None if training.data is None else training.data.batch_size
    else:
        rows = _measured_sum(failed)
    if rows is None or not rows > 1 or not math.isfinite(failed.evidence.rate):
        return
    reruns.put_back()
    bound, first = failed.trials.expectation.max_loss, failed.record.curve.first
    # A bound that the mean meets from the start on was meant for the sum.
    factor = 1.0 if bound is None or first / rows > bound else 1 / rows
    yield averaged_loss.averaged(
        training,
        rows,
        rate=failed.evidence.rate,
        rose=failed.evidence.unstable,
        # A step of the user's may learn from another loss than the one that has a skill.
        factor=factor if training.own_step or failed.record.skill is None else None,
    )


def _measured_sum(failed: FailedTraining) -> int | None:
    """The rows that a loss of the user sums, as far as their number can be changed."""
    training = failed.training
    known = [] if training.model is None else loss_names(training.model.loss)
    if training.data is None or (
        known and not training.own_train_step and all(n for n, _ in known)
    ):
        return None
    failed.reruns.put_back()
    measure = functools.partial(rows_summed, training)
    # A step may take one number of rows alone.
    rows = failed.trials.guard.tried("the loss of a batch with every row twice", measure)
    failed.reruns.put_back()
    return rows


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    """Weights of mean one and a mean of losses; a rate is looked for whatever else is changed."""
    return [_weights(failed), [change for change in _sums(failed) if change.rate_factor == 1.0]]


CAUSE = Cause(
    code="learning-rate-too-high",
    usual=_usual,
    sentence=sentence,
    steps=(
        Step(place=Place.WEIGHTS, repairs=_weights),
        Step(place=Place.WEIGHTS, repairs=_sums),
        Step(place=Place.LEARNING_RATE, answer=rate_that_passes),
        Step(place=Place.FARTHER_RATES, answer=any_rate_that_passes),
        Step(place=Place.RATE_AND_STEPS, answer=rate_and_steps),
        Step(place=Place.DECAYING_RATE, repairs=_decaying),
    ),
)
