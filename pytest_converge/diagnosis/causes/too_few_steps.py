"""Nothing is wrong but the time.

Nothing is wrong but the time: the loss is still falling when the training ends.

## How it is found

The training is repeated from the same start with four and with sixteen times as many steps. It is
the cause if every gate then passes on three seeds, and if no learning rate did within the steps
that were asked for: rates are tried first, since a test should be short. Sixteen times as many come
last of all where the loss of the first two runs, as a power of their steps, does not lead to the
bound in 160 times as many. More steps are also the control of the landscape words: a nudge or a
restart counts as proof only if training longer does not do as well.

Learning rows by heart is no learning. Where the inputs say something about the targets (see
[labels-unrelated](labels-unrelated.md)), the longer training is also made on half of the rows: if
its loss on the other half is worse than that of the training as it is, by 5 % of the loss of the
best constant prediction, it is an [unreachable target](unreachable-target.md). Where nothing is
known of that, the half that was held out has to be predicted better than in random order, or the
[labels are unrelated](labels-unrelated.md) to their rows.

A run whose loss rose is never too short.

A callback that ended the training, as `EarlyStopping`, is left out before any rate is tried: what
it stops, it stops again with every other change.

The number of steps is what was tried. Where sixteen times as many do not do and the loss still
falls by more than 10 %, the last two runs are extrapolated, which proves nothing: to no more than
ten times the longest run, and not where the same model learns permuted targets as well.

## A test that shows it

```python
import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(512, 8))
y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2]


def network():
    hidden = [keras.layers.Dense(64, "tanh"), keras.layers.Dense(64, "tanh")]
    model = keras.Sequential([keras.Input((8,)), *hidden, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.003), "mse")
    return model


def test_in_a_hurry(converge):
    converge.fit(network, x, y, steps=80, max_loss=0.2)
```

## Repair

```python
def test_with_time(converge):
    converge.fit(network, x, y, steps=1280, max_loss=0.2)
```
"""

import math

from pytest_converge.core.numbers import loss, number
from pytest_converge.diagnosis.by_heart import unless_by_heart
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.relation import RELATED, relation
from pytest_converge.training.interventions import steps

__all__ = ["CAUSE", "LONGER", "MUCH_LONGER", "STILL_GAINS", "still_falls"]

#: Multiples of the steps that are tried: what anybody would, and what costs more than all else.
LONGER, MUCH_LONGER = 4, 16
#: A longer run whose loss is lower by more than this share has met no floor yet.
STILL_GAINS = 0.1
#: More times the steps than anybody makes.
NEVER = 1e9
#: Predictions beyond so many times the longest run say nothing of how many steps are enough, and
#: beyond the second not even that they would do.
FAR, FARTHEST = 10.0, 64.0


def _longer(failed: FailedTraining) -> Repairs:
    yield from _unless_it_rose(failed, LONGER)
    longer = failed.trials.done.get(steps.more(failed.reruns.steps, LONGER).change)
    before, bound = failed.record.curve.last, failed.trials.expectation.max_loss
    if longer is None or not longer.losses[0] < (1 - STILL_GAINS) * before:
        return
    short = failed.reruns.steps
    needed = _steps_needed([(short, before), (LONGER * short, longer.losses[0])], bound)
    if needed <= FAR * MUCH_LONGER * short:
        yield from _unless_it_rose(failed, MUCH_LONGER)


def _not_stopped(failed: FailedTraining) -> Repairs:
    """Without the callback that ended the run, which its own rule brings about again and again."""
    record, asked = failed.record, failed.reruns.steps
    if record.stopped_by:
        yield steps.not_stopped(record.stopped_by, after=record.curve.updates, steps=asked)


def _much_longer(failed: FailedTraining) -> Repairs:
    return _unless_it_rose(failed, MUCH_LONGER)


def _unless_it_rose(failed: FailedTraining, factor: int) -> Repairs:
    """More steps of a run that rose would only lead farther away."""
    return () if failed.evidence.rose else [steps.more(failed.reruns.steps, factor)]


def still_falls(failed: FailedTraining) -> Answer | None:
    """More steps that still gain clearly, by which the target can be expected; not verified.

    The loss of the two longest runs is taken to go on as a power of the number of steps.
    """
    trials, bound = failed.trials, failed.trials.expectation.max_loss
    runs = [
        (failed.reruns.steps * trials.changes[t.change].steps_factor, t.losses[0])
        for t in trials.like_the_failed_run
        if t.code == CAUSE.code
    ]
    if not failed.misses_the_loss or bound is None or not bound > 0 or len(runs) < 2:
        return None
    (short, before), (long, after) = sorted(runs)[-2:]
    if not 0 < bound < after < (1 - STILL_GAINS) * before:
        return None
    predicted = _steps_needed(runs, bound)
    if not predicted <= FARTHEST * long or _falls_by_heart(failed):
        return None
    rounded = int(float(f"{predicted:.1g}"))
    near = predicted <= FAR * long
    message = (
        f"{loss(before)} after {short} steps, {loss(after)} after {long}: it still falls, and"
        f" would reach max_loss={number(bound)} "
        + (f"in about {rounded}" if near else f"after more than {FAR:g} times as many")
    )
    return Answer(cause=CAUSE.code, message=message, fix=f"steps={rounded}" if near else "")


def _steps_needed(runs: list[tuple[int, float]], bound: float | None) -> float:
    """Steps to a bound by the last two of some runs, by steps, as a power of their number.

    Those of the longer run where no power of the steps leads to the bound, as to one of 0.
    """
    (short, before), (long, after) = sorted(runs)[-2:]
    if bound is None or not bound > 0 or not 0 < after < before:
        return long
    away = math.log(bound / after) * math.log(long / short) / math.log(after / before)
    return long * math.exp(away) if away < math.log(NEVER) else math.inf


def _falls_by_heart(failed: FailedTraining) -> bool:
    """Whether targets that nobody can predict fall no slower where they are permuted."""
    signal = failed.signal
    if signal is not None and (signal.none or signal.some):
        return signal.none
    gained = relation(failed)
    return gained is not None and gained <= RELATED


CAUSE = Cause(
    code="too-few-steps",
    sentence="only time is missing; it converges in {change}",
    steps=(
        Step(place=Place.STOPPED, repairs=_not_stopped),
        Step(place=Place.MORE_STEPS, repairs=_longer),
        Step(place=Place.MANY_MORE_STEPS, repairs=_much_longer),
        Step(place=Place.STILL_FALLING, answer=still_falls),
    ),
    refined=unless_by_heart,
)
