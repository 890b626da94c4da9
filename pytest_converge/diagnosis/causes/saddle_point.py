"""No slope, but no minimum either.

The gradient vanishes, but this is no minimum: along some direction the loss falls. Gradient descent
that starts exactly there, or moves exactly towards it, stays.

## How it is found

The word is earned by escaping:

1. The run gained at most 10 % of its initial loss and stayed finite.
2. The start is moved a little, along the direction of most negative curvature where the smallest
   eigenvalue of the Hessian is below -0.02 of the largest magnitude (12 Lanczos steps; Pearlmutter
   1994), else at random. The training is repeated, and every gate passes, on three seeds, or on
   one where nothing is random.
3. The first gradient was below a thousandth of what it becomes after the move; or the gradient of
   a run without noise had fallen below a thousandth of its largest on the way, and the loss bends
   down where the run ended; or the control, twice as many steps without the move, does not pass.

A control that passes proves nothing of a run that had come to rest: what breaks a symmetry then is
rounding, which grows with every step.

Negative curvature by itself says nothing: healthy networks have it too, with ratios down to -0.43.

Saddle points as the obstacle in many dimensions: Dauphin et al. 2014, *Identifying and attacking
the saddle point problem in high-dimensional non-convex optimization*.

## A test that shows it

```python
import tensorflow as tf
from keras.optimizers import SGD


def two_valleys(converge, start):
    w = tf.Variable(start)
    converge.minimize(lambda: (w**2 - 1) ** 2, [w], SGD(0.05), max_loss=0.01)


def test_from_the_hilltop(converge):
    two_valleys(converge, 0.0)
```

## Repair

Start elsewhere. For a network: initialise by random values that are not all alike.

```python
def test_from_beside_it(converge):
    two_valleys(converge, 0.1)
```
"""

from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.evidence import curvature_here, looks_stationary
from pytest_converge.training.interventions import starts, steps
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["CAUSE", "nudges"]

#: Negative curvature that counts, against the largest magnitude (180 landscapes, no false saddle).
NEGATIVE = -0.02
#: Lengths of the step along negative curvature, relative to the size of the variables, which
#: counts as 1 at least.
NUDGES = (0.01, 0.1)
#: The gradient at the start against the largest after a nudge: on a saddle there is next to none.
SADDLE_GRADIENT = 1e-3
#: Multiples of the rate that may suit the slope behind a saddle point.
FACTORS = (3.0, 10.0, 0.3)


def _without_noise(failed: FailedTraining) -> Answer | None:
    return _stationary(failed) if failed.training.full_batch else None


def _on_batches(failed: FailedTraining) -> Answer | None:
    return None if failed.training.full_batch else _stationary(failed)


def _stationary(failed: FailedTraining) -> Answer | None:
    """A nudge escapes, alone or with a rate that suits the slope behind it."""
    if not looks_stationary(failed.record):
        return None
    escaping = []
    for change in nudges(failed):
        found = failed.first_passing([change])
        if found is not None and _is_saddle(failed, change):
            return found
        if _has_no_slope(failed, change):
            escaping.append(change)
    if not escaping:
        return None
    return failed.first_passing(escaping[-1].combined(rate) for rate in failed.at_rates(*FACTORS))


def nudges(failed: FailedTraining) -> Repairs:
    """Steps off the start along the direction of most negative curvature, both ways."""
    failed.reruns.put_back()
    found = curvature_here(failed.reruns, failed.trials.guard)
    if found is None or not found.ratio < NEGATIVE:
        # Higher derivatives alone may lead down from where the gradient vanishes.
        for spread in NUDGES:
            yield starts.elsewhere(0, spread, code=CAUSE.code)
        return
    size = max((float(abs(v.numpy()).max()) for v in failed.training.trainable), default=0.0)
    for relative in NUDGES:
        for sign in (1.0, -1.0):
            length = sign * relative * max(size, 1.0)
            yield starts.nudged(found.direction_of_smallest, length, CAUSE.code)


def _off_the_end(failed: FailedTraining) -> Repairs:
    """Steps off the point where the run came to rest, where its slope ends and its curvature falls.

    Only for a loss without data: the gradient of a batch never ends.
    """
    norms, reruns = failed.record.curve.gradient_norm, failed.reruns
    if not failed.training.full_batch or failed.record.nonfinite or not norms:
        return
    if norms[-1] > SADDLE_GRADIENT * max(norms):
        return
    reruns.put_back()
    reruns.end.restore()
    found = curvature_here(reruns, failed.trials.guard)
    if found is None or not found.ratio < NEGATIVE:
        return
    for sign in (1.0, -1.0):
        length, end = sign * NUDGES[1], reruns.end.values()
        yield starts.nudged(found.direction_of_smallest, length, CAUSE.code, at=end)


def _is_saddle(failed: FailedTraining, change: Intervention) -> bool:
    """Whether the nudge did what time would not, or left a point next to without a gradient.

    Rounding leaves a saddle in time, so that more steps pass as well where the run rested on one.
    """
    if _has_no_slope(failed, change) or _rested(failed):
        return True
    control = failed.trials.try_out(steps.more(failed.reruns.steps, 2))
    return control is None or not control.verified


def _rested(failed: FailedTraining) -> bool:
    """Whether the run came to rest on its way, in a place from which the loss bends down."""
    norms = failed.record.curve.gradient_norm
    if not failed.training.full_batch or not norms:
        return False
    least = min(range(len(norms)), key=lambda place: norms[place])
    if not norms[least] < SADDLE_GRADIENT * max(norms[: least + 1]):
        return False
    failed.reruns.put_back()
    failed.reruns.end.restore()
    found = curvature_here(failed.reruns, failed.trials.guard)
    failed.reruns.put_back()
    return found is not None and found.ratio < NEGATIVE


def _has_no_slope(failed: FailedTraining, change: Intervention) -> bool:
    """Whether the gradient at the start is next to none against the one behind the nudge."""
    nudged = failed.trials.records.get(change.change)
    norms = failed.record.curve.gradient_norm
    if nudged is None or not norms or not nudged.curve.gradient_norm:
        return False
    return norms[0] < SADDLE_GRADIENT * max(nudged.curve.gradient_norm)


CAUSE = Cause(
    code="saddle-point",
    sentence="it rests on a saddle point; it converges with the {change}",
    steps=(
        Step(place=Place.STATIONARY, answer=_without_noise),
        Step(place=Place.END_AT_REST, repairs=_off_the_end),
        Step(place=Place.STATIONARY_ON_BATCHES, answer=_on_batches),
    ),
)
