"""Each step is far too short.

The loss falls, but each step is so short that the training is far from done when it ends. The
same name covers what else shortens all steps: a schedule that has decayed to nothing, clipping far
below the usual gradient norm.

## How it is found

The training is repeated from the same start with higher rates. The finding names a rate only if
every gate passes with it on three seeds; the bracket gives the smallest and the largest rate that
passed. Of a schedule that gives 0 in every step, as one that counts down from an unknown number of
batches, the rates that suit most trainings take the place. Where the last rate of a schedule, or
its mean, is below a tenth of its largest, the largest rate in every step is tried first; where
gradients are clipped below a tenth of their median norm, the usual bound of 1 is, and then none. An
`epsilon` of an adaptive optimizer that is more than ten times the numbers of the gradients makes
every step short as well: the usual 1e-7 is tried, and one far below the gradients.

A run whose loss rose, or left the finite numbers, is never too slow.

The **step gauge** (see [learning-rate-too-high](learning-rate-too-high.md)) stays above 0.5: after
the step the slope along it is nearly what it was. Its median over the first tenth of the steps
told the direction of a wrong rate in 47 of 49 failures.

More steps would help as well. They are tried after the rate: see
[too-few-steps](too-few-steps.md).

## A test that shows it

```python
import tensorflow as tf
from keras.optimizers import SGD


def bowl(converge, rate):
    w = tf.Variable([3.0, 3.0])
    converge.minimize(lambda: tf.reduce_sum([1.0, 10.0] * w**2), [w], SGD(rate), max_loss=0.01)


def test_descent(converge):
    bowl(converge, 1e-4)
```

## Repair

```python
def test_faster_descent(converge):
    bowl(converge, 0.05)
```
"""

import math
import statistics
from collections.abc import Iterable

from pytest_converge.diagnosis.cause import Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.rate_search import sentence, usual_rates
from pytest_converge.training.interventions import learning_rate, optimizers

#: A schedule whose last rate, or whose mean over the run, is below this share of its peak decayed
#: too soon, or was still warming up.
FAR_BELOW_PEAK = 0.1
#: Gradients are clipped far below what is usual under this share of their median norm.
FAR_BELOW_MEDIAN = 0.1
#: An epsilon so many times the gradients leaves less than a tenth of each step.
OUTWEIGHS = 10.0


def _schedule(failed: FailedTraining) -> Repairs:
    if failed.evidence.never_too_slow:
        return
    # A run that broke off early has not seen what its schedule comes to.
    if failed.takes_optimizer and learning_rate.has_schedule(failed.training):
        rates = learning_rate.planned(failed.training, failed.reruns.steps)
        peak = max(*rates, learning_rate.peak(failed.training))
        if peak == 0:
            for rate in usual_rates(failed.training.optimizers[0].optimizer):
                yield learning_rate.instead_of_zero(failed.training, rate, when=_length(failed))
            return
        if min(statistics.fmean(rates), rates[-1]) < FAR_BELOW_PEAK * peak:
            when = _length(failed)
            yield learning_rate.constant(failed.training, peak, last=rates[-1], when=when)


def _length(failed: FailedTraining) -> str:
    """How long the run was, in steps and epochs: schedules are often meant to count the latter."""
    count, data = failed.reruns.steps, failed.reruns.rows_of_any_kind
    if data is None or data.from_source:
        return f"{count} steps"
    of_epoch = math.ceil(data.rows / data.batch_size)
    if not 1 < of_epoch < count:
        return f"{count} steps"
    return f"{count} steps, {count / of_epoch:.3g} epochs of {of_epoch}"


def _clipping(failed: FailedTraining) -> Repairs:
    norms = [norm for norm in failed.record.curve.gradient_norm if math.isfinite(norm)]
    if not failed.takes_optimizer or not norms or failed.evidence.never_too_slow:
        return
    usual, bound = statistics.median(norms), optimizers.bound_of_gradients(failed.training)
    if bound is not None and bound[1] < FAR_BELOW_MEDIAN * usual:
        yield from optimizers.less_clipped(failed.training, usual)


def _epsilon(failed: FailedTraining) -> Repairs:
    """Less of what an adaptive optimizer adds to the size of gradients that are far smaller."""
    norms = [norm for norm in failed.record.curve.gradient_norm if math.isfinite(norm)]
    if not failed.takes_optimizer or not norms or failed.evidence.never_too_slow:
        return
    epsilon = optimizers.setting(failed.training, "epsilon")
    count = sum(variable.shape.num_elements() for variable in failed.training.trainable)
    usual = statistics.median(norms) / math.sqrt(max(count, 1))
    if isinstance(epsilon, (int, float)) and epsilon > OUTWEIGHS * usual > 0:
        yield from optimizers.smaller_epsilon(failed.training, usual)


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    return [find(failed) for find in (_schedule, _clipping, _epsilon)]


# The search for a rate looks both ways; its step is that of `learning_rate_too_high`.
CAUSE = Cause(
    code="learning-rate-too-low",
    sentence=sentence,
    usual=_usual,
    steps=(
        Step(place=Place.SCHEDULE, repairs=_schedule),
        Step(place=Place.CLIPPING, repairs=_clipping),
        Step(place=Place.CLIPPING, repairs=_epsilon),
    ),
)
