"""A valley that is not deep enough; other starts go deeper.

The training ended in a valley that is not deep enough. Longer training does not help: every small
step leads up. Other starts reach deeper ones.

## How it is found

The word is earned by restarts: the same training from other starts reaches the target, and more
steps from this one, tried before, do not. For a network the other starts are three other seeds,
which all have to pass. Where nothing is random (`converge.minimize`) up to eight starts near the
given one are drawn, then up to eight farther off and eight around 0; of up to eight numbers, where
none of these ends lower, eight each at 3, 10 and 30 times the size of a variable plus 1. The first
that passes is the proof. If none passes but one ends more than 2 % lower than every other run, the
word is used as well, and the repair is marked as not verified.

Of up to three numbers in all, the loss is first looked at along each of them, with the others as
they are: at 257 points, up to ten times its size plus 1 to either side. Where the lowest of them
leaves less than half of what the best run left, the training is begun there.

A larger rate that passes proves little where the run had come to rest: it may have leapt over the
hill. Where nothing is random, the gradient at the end is below 0.1 % of the largest, and 16 times
as many steps gain less than 2 %, other starts are therefore tried before a rate is called too low.

If other starts do not help either, see [unreachable-target](unreachable-target.md).

In wide networks local minima far above the best are rare; in small ones, and in curves with few
parameters such as frequencies and phases, they are common. If a model needs luck with its start,
`seeds=3` says so every time.

## A test that shows it

```python
import tensorflow as tf
from keras.optimizers import SGD


def tilted(converge, start):
    w = tf.Variable(start)  # valleys near -1.04, where the loss is -0.31, and near 0.96: 0.29
    loss = lambda: (w**2 - 1) ** 2 + 0.3 * w  # noqa: E731
    converge.minimize(loss, [w], SGD(0.05), max_loss=-0.2)


def test_from_the_right(converge):
    tilted(converge, 1.5)
```

## Repair

```python
def test_from_the_left(converge):
    tilted(converge, -1.5)
```
"""

import math
from collections.abc import Iterator

from pytest_converge.core.diagnosis import Trial
from pytest_converge.core.numbers import listed, loss
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.causes.exploding_gradient import broken_step
from pytest_converge.diagnosis.causes.plateau import lowest_along_one
from pytest_converge.diagnosis.evidence import NO_SLOPE
from pytest_converge.diagnosis.trials import SEEDS, passes
from pytest_converge.training.interventions import starts, steps
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.loop.compiled_loop import ROUNDING
from pytest_converge.training.state.snapshot import name_of

__all__ = ["CAUSE", "came_to_rest", "other_starts", "rests"]

#: Spreads and numbers of the starts drawn around a given one; around 0 with the larger spread.
SPREADS, DRAWS = (0.3, 1.0), 8
#: Spreads of farther starts, and of how many numbers: of more, none lies near a valley of each.
FAR_SPREADS, FEW_NUMBERS = (3.0, 10.0, 30.0), 8
#: By so much lower another start must end to call this one's end a local minimum.
LOWER = 0.02
#: So many times the steps gain nothing where a run has arrived somewhere.
LONGER = 16


def other_starts(failed: FailedTraining) -> Answer | None:
    """Whether other starts reach the target by the same training: a local minimum, if so."""
    if broken_step(failed.record) is not None:
        return None  # a start that leads past the break is no other valley
    trial = _elsewhere(failed) if failed.training.full_batch else _other_seeds(failed)
    if trial is None:
        return None
    if trial.verified:
        return _between_twins(failed, trial) or Answer(cause=trial.code, trial=trial)
    lower = loss(trial.losses[0])
    message = (
        f"this start leads to a local minimum: from {trial.change} the same training ends at"
        f" {lower}, lower than any other run, and misses the target as well"
    )
    return Answer(cause=trial.code, trial=trial, message=message)


def _between_twins(failed: FailedTraining, trial: Trial) -> Answer | None:
    """Numbers that begin alike and end alike, where another start that parts them passes.

    Each of them gets the gradient of the others, so that the training never leaves the points at
    which they are equal: a saddle between the minima in which they differ.
    """
    variables = [v for v in failed.training.trainable if math.prod(v.shape) > 1]
    failed.reruns.put_back()
    alike = len(starts.of_one_value(variables))
    failed.reruns.end.restore()
    still_alike = len(starts.of_one_value(variables, within=ROUNDING))
    failed.reruns.put_back()
    if not variables or min(alike, still_alike) < len(variables):
        return None
    names = listed(tuple(name_of(v) for v in variables))
    message = (
        f"the numbers of {names} begin alike and get the same gradients for ever, so that they"
        f" never part; it converges with {trial.change}"
    )
    return Answer(cause="saddle-point", trial=trial, message=message)


def _lower_elsewhere(failed: FailedTraining) -> Repairs:
    """The lowest point along one of few numbers, where a run without noise has arrived."""
    return lowest_along_one(failed, CAUSE.code) if came_to_rest(failed.record) else ()


def _at_rest(failed: FailedTraining) -> Answer | None:
    """The same early, where a run without noise has arrived: a start costs no trace."""
    arrived = failed.training.full_batch and came_to_rest(failed.record)
    return other_starts(failed) if arrived else None


def _other_seeds(failed: FailedTraining) -> Trial | None:
    trials = failed.trials
    plain = Intervention(
        code=CAUSE.code, change="other seeds", fix="keras.utils.set_random_seed(1)"
    )
    losses, passed = [], 0
    course: tuple[tuple[int, float], ...] = ()
    with failed.reruns.changed(plain) as run:
        for number in range(1, SEEDS + 1):
            record = run(number)
            losses.append(record.curve.last)
            course = course or record.curve.course
            passed += passes(record, trials.expectation, plain)
            if not passed:
                break
    trial = Trial(
        change=plain.change,
        code=plain.code,
        fix=plain.fix,
        losses=tuple(losses),
        passed=passed,
        course=course,
    )
    trials.done[plain.change] = trial
    return trial if trial.verified else None


def _elsewhere(failed: FailedTraining) -> Trial | None:
    """The first start that passes, else the best one if it ends clearly lower than any before."""
    lowest, best = failed.best, None  # NaN where nothing finite is known
    found_near = False
    for change, is_far in _draws(failed):
        if is_far and found_near:
            break
        trial = failed.trials.try_out(change)
        if trial is None:
            continue
        if trial.verified:
            return trial
        end = trial.losses[0]
        clearly = math.isnan(lowest) or end < lowest - LOWER * abs(lowest)
        if math.isfinite(end) and clearly:
            lowest, best, found_near = end, trial, not is_far
    return best


def _draws(failed: FailedTraining) -> Iterator[tuple[Intervention, bool]]:
    """Other starts, and whether each is one of those that are tried where no near one leads on."""
    numbers = sum(math.prod(variable.shape) for variable in failed.training.trainable)
    curve = failed.record.curve
    descended = curve.last < curve.first - LOWER * abs(curve.first)  # else it never left its start
    far = [(s, False) for s in FAR_SPREADS if numbers <= FEW_NUMBERS and descended]
    near = [*((spread, False) for spread in SPREADS), (SPREADS[-1], True)]
    for spread, around_zero in (*near, *far):
        for seed in range(DRAWS):
            drawn = starts.elsewhere(seed, spread, code=CAUSE.code, around_zero=around_zero)
            yield drawn, spread in FAR_SPREADS


def rests(failed: FailedTraining) -> bool:
    """Whether a deterministic run had arrived somewhere: more steps gain nothing either."""
    if not failed.training.full_batch or not came_to_rest(failed.record):
        return False
    longer = failed.trials.try_out(steps.more(failed.reruns.steps, LONGER))
    if longer is None or longer.passed:
        return False
    before, after = failed.record.curve.last, longer.losses[0]
    return math.isfinite(after) and before - after <= LOWER * abs(before)


def came_to_rest(record: TrainingRecord) -> bool:
    """True where the gradient at the end is next to none against the largest before."""
    norms = record.curve.gradient_norm
    return bool(norms) and not record.nonfinite and norms[-1] <= NO_SLOPE * max(norms)


CAUSE = Cause(
    code="local-minimum",
    sentence="this start leads to a local minimum; it converges with {change}",
    steps=(
        Step(place=Place.AT_REST, repairs=_lower_elsewhere),
        Step(place=Place.AT_REST, answer=_at_rest),
        Step(place=Place.OTHER_STARTS, answer=other_starts),
    ),
)
