"""Each step goes uphill: a sign is wrong.

The steps go where the loss rises: the learning rate is negative, a gradient is negated on its way
to an optimizer that subtracts by itself, or a loop by hand adds what it should subtract. Or they go
down well, and the loss is the negative of what was meant: it falls below 0 and knows no bottom.

## How it is found

**A negative rate** is tried with the other sign first of all, that of one of several optimizers
too.

**A loss of your own that falls below 0 without end**, to more than three times its initial size or
out of the finite numbers, is negated and the training is repeated. It is the cause if every gate
then passes on three seeds and the loss stays above 0, as an error does.

**A loss of your own from 0 to 1 under a bound below 0** is a score that was minimised, as an
overlap. The loss is negated, and it is the cause if every gate then passes on three seeds and no
loss falls below -1, as that of a likelihood would.

**A loss of your own that falls while a bounded metric goes away from its bound** is a score that
was minimised, as a dice coefficient. Where the metric is all that is missed, the loss is negated;
it is the cause if every gate then passes on three seeds.

**Steps by hand**, in a `train_step`, a function of `converge.step`, a loop without an optimizer or
an optimizer class of your own, whose loss rose: where no learning rate helps, every update is made
in the opposite direction, from the same start. Which sign is wrong is told by comparing the
gradient of the loss that the step returns with what the optimizer gets, or with the update that the
step, or your optimizer, makes. Where that comparison shows steps that go uphill and turning them
round is not enough, it is one of several causes that are
[repaired together](../how-it-diagnoses.md#all-changes-at-once), also where the loss did not rise
clearly since the steps are far too short; it is said also where no repair is proven. Of two or
three optimizers, as of the models of a game, the steps of each one are turned round by themselves,
where the step returns another loss than any of theirs.

## A test that shows it

```python
import tensorflow as tf
from keras.optimizers import SGD

x = tf.linspace(-1.0, 1.0, 50)


def line(converge, sign):
    w, optimizer = tf.Variable(0.0), SGD(0.1)

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((w * x - 2 * x) ** 2)
        optimizer.apply_gradients([(sign * tape.gradient(loss, w), w)])
        return loss

    converge.step(train_step, variables=[w], optimizer=optimizer, max_loss=0.01, steps=200)


def test_negated(converge):
    line(converge, -1.0)
```

## Repair

The optimizers of Keras and TensorFlow subtract: hand them the gradient as it is.

```python
def test_as_it_is(converge):
    line(converge, 1.0)
```
"""

import functools
import math
from collections.abc import Iterable

from pytest_converge.checks.metrics import metrics_missed
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.evidence import SPIKE
from pytest_converge.diagnosis.trials import only_metrics_missed
from pytest_converge.training.interventions import direction
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.slope_of_steps import (
    along_the_slope,
    has_own_optimizer,
    updates_along,
)
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.training import Training

#: Under this cosine of what a step follows with the gradient of its loss a sign is wrong: clipping
#: each variable by itself turns it, but not to the other side.
UPHILL = -0.5
#: Of so many optimizers the steps are turned round one by one.
MOST_OPTIMIZERS = 3


def _negative_rate(failed: FailedTraining) -> Repairs:
    training, rate = failed.training, failed.evidence.rate
    if rate < 0:
        yield direction.reversed_sign(training, rate, follows=failed.trials.rate_follows)
    for place, observed in enumerate(training.optimizers if len(training.optimizers) > 1 else ()):
        own = observed.user_rate
        if isinstance(own, float) and own < 0:
            yield direction.reversed_sign(training, own, place=place)


def _negative_loss(failed: FailedTraining) -> Answer | None:
    """The loss of a user that falls below 0 without end, of the other sign."""
    training, curve = failed.training, failed.record.curve
    if not _is_own_loss(training):
        return None
    losses = [loss for loss in (*curve.batch_loss, curve.last) if math.isfinite(loss)]
    if not losses or not math.isfinite(curve.first):
        return None
    least, left = min(losses), any(found.what == "loss" for found in failed.record.nonfinite)
    if not least < 0 or not (left or least < -SPIKE * abs(curve.first)):
        return None
    bound = failed.trials.expectation.max_loss
    bounded = bound is not None and bound > 0
    change = direction.negated_loss(training, first=curve.first, least=least, bounded=bounded)
    found = failed.first_passing([change])
    trial = None if found is None else found.trial
    if trial is not None and failed.trials.records[change.change].curve.last < 0:
        failed.trials.ask(trial)  # it knows no bottom in this direction either
        return None
    return found


def _below_its_range(failed: FailedTraining) -> Answer | None:
    """A score of predictions from 0 to 1 that is minimised, under a bound that its negative meets.

    The negative of a likelihood knows no bottom, and would meet any bound.
    """
    training, curve = failed.training, failed.record.curve
    bound = failed.trials.expectation.max_loss
    if bound is None or not -1 <= bound < 0 or training.verb == "minimize":
        return None
    losses = [curve.first, curve.last, *curve.batch_loss]
    if not _is_own_loss(training) or not all(0 < loss <= 1 for loss in losses):
        return None
    if -curve.first <= bound:
        return None  # the sign alone would meet it
    change = direction.negated_for_bound(training, bound=bound, least=min(losses))
    found = failed.first_passing([change])
    if found is None or found.trial is None:
        return found
    negated = failed.trials.records[change.change].curve
    if min(*negated.batch_loss, *found.trial.losses) < -1:
        failed.trials.ask(found.trial)
        return None
    return found


def _is_own_loss(training: Training) -> bool:
    """Whether nobody but the user knows what a loss measures, as none that Keras has by name."""
    if training.own_step or training.verb == "minimize":
        return True
    known = [] if training.model is None else loss_names(training.model.loss)
    return [name for name, _ in known] == [""]


def _away_from_bounds(failed: FailedTraining) -> Repairs:
    """A loss of the user's that is a score: it falls, and a bounded metric goes the wrong way."""
    training, expected, record = failed.training, failed.trials.expectation, failed.record
    known = [] if training.model is None else loss_names(training.model.loss)
    # The losses that Keras knows by name are errors.
    if training.own_step or len(known) != 1 or known[0][0]:
        return
    if not only_metrics_missed(record, expected) or not record.curve.last < record.curve.first:
        return
    failed.reruns.put_back()
    rows, _ = training.probe_chunks()
    measured = failed.trials.guard.tried(
        "metrics at the start", lambda: training.measure_end(training.chunks(rows))
    )
    failed.reruns.put_back()
    start = {} if measured is None else measured.metrics
    for name in metrics_missed(record, expected):
        before, after = start.get(name), record.metrics.get(name)
        if before is None or after is None:
            continue
        low, _high = expected.metrics[name]
        lower = low is not None and after < low
        if (after < before) if lower else (after > before):
            yield direction.negated_score(training, name, before, after)
            return


def _uphill(failed: FailedTraining) -> Repairs:
    """The opposite direction, where a step of the user's rose at every rate."""
    if _rose_by_itself(failed, rose=failed.evidence.rose):
        turned = direction.downhill(failed.training, _along(failed))
        yield _of_own_optimizer(failed, turned)


def _one_uphill(failed: FailedTraining) -> Repairs:
    """The same of one of several optimizers, as of the two models of a game.

    The loss of one of them falls as well where the other one does not learn.
    """
    training = failed.training
    if not failed.evidence.computation.other_loss or not failed.evidence.rose:
        return
    if len(training.optimizers) < 2:
        return
    for place, observed in enumerate(training.optimizers[:MOST_OPTIMIZERS]):
        own = observed.user_rate
        if isinstance(own, float) and own > 0:
            yield direction.one_downhill(training, place, own)


def _of_own_optimizer(failed: FailedTraining, turned: Intervention) -> Intervention:
    """The same by the class of the user's that makes the updates, where it turns them round."""
    training = failed.training
    if not has_own_optimizer(training):
        return turned
    look = functools.partial(updates_along, training)
    along = failed.at_the_start("which way updates go", look, runs_the_step=True)
    if along is None or along > 0:
        return turned
    return direction.downhill_in(turned, type(training.optimizers[0].optimizer).__name__)


def _seen(failed: FailedTraining) -> Repairs:
    """The same where one step is seen to go uphill; alone it need not be enough.

    Steps that are far too short as well rise by less than batches differ.
    """
    curve = failed.record.curve
    if _rose_by_itself(failed, rose=failed.evidence.rose or not curve.last < curve.first):
        along = _along(failed)
        if along is not None and along < UPHILL:
            yield direction.downhill(failed.training, along)


def _rose_by_itself(failed: FailedTraining, *, rose: bool) -> bool:
    """Whether a step, or an optimizer, of the user's rose at a rate that does not go uphill."""
    if not rose or not failed.evidence.rate > 0:
        return False
    training = failed.training
    return training.own_step or has_own_optimizer(training)


def _along(failed: FailedTraining) -> float | None:
    """Which way the first step goes on its own loss; None where that is not known."""
    look = functools.partial(along_the_slope, failed.training)
    return failed.at_the_start("what the steps follow", look, runs_the_step=True)


def _uphill_seen(failed: FailedTraining) -> Answer | None:
    """A step that goes uphill, where the opposite direction was not enough."""
    for change in _seen(failed):
        return Answer(cause=CAUSE.code, message=change.fault, fix=change.fix)
    return None


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    return [_negative_rate(failed), _seen(failed)]


CAUSE = Cause(
    code=direction.CODE,
    usual=_usual,
    sentence="each step goes uphill; it converges with {change}",
    steps=(
        Step(place=Place.SIGN, repairs=_negative_rate),
        Step(place=Place.SIGN, answer=_negative_loss),
        Step(place=Place.SIGN, answer=_below_its_range),
        Step(place=Place.SIGN, repairs=_away_from_bounds),
        Step(place=Place.UPHILL, repairs=_uphill),
        Step(place=Place.UPHILL, repairs=_one_uphill),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_uphill_seen),
    ),
)
