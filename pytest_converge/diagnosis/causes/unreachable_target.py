"""The loss has a floor above `max_loss`.

No training gets there: the loss has a floor above `max_loss`. Noise in the targets, the same
inputs with different targets, information that is not in the features, a model without the needed
form, or a bound that was a guess.

## How it is found

It is said last, when no change made the test pass, and then in one of these cases:

- Nothing is random and at least three runs with different changes end within 2 % of the same loss.
- More than a tenth of the rows have the inputs of another row and other targets.
- The best run beats one with permuted targets by more than 5 % of the loss of the best constant
  prediction: there is something to learn, and it was learned as far as it goes. Otherwise see
  [labels-unrelated](labels-unrelated.md).

The `floor` is the lowest loss of all runs of the diagnosis. It is an upper bound of the true one: a
larger model or better features may go below. The proposed bound lies 5 % above it.

For targets with noise of variance s2 the squared error does not go below about s2; for labels of
which a share p is flipped, the cross-entropy not below -p log p - (1 - p) log(1 - p).

## A test that shows it

```python
import tensorflow as tf
from keras.optimizers import SGD


def three_points(converge, max_loss):
    w = tf.Variable(0.0)  # nearest to 1, 2 and 3 is 2, and the mean of 1, 0 and 1 is 2 / 3
    loss = lambda: tf.reduce_mean((w - [1.0, 2.0, 3.0]) ** 2)  # noqa: E731
    converge.minimize(loss, [w], SGD(0.1), max_loss=max_loss)


def test_below_the_floor(converge):
    three_points(converge, 0.5)
```

## Repair

Choose a bound with a margin above the floor, or give the model what it lacks.

```python
def test_above_the_floor(converge):
    three_points(converge, 0.7)
```
"""

import math
from typing import Any

from pytest_converge.columns.contradictions import contradicting_share
from pytest_converge.core.numbers import number, share
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Step
from pytest_converge.diagnosis.causes.labels_unrelated import RELATED, relation
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import steps as more_steps

#: Rows with the same inputs and other targets, as a share of all, that explain a missed target.
CONTRADICTING = 0.1
#: What anybody would try before: so many times the steps.
LONGER = 4
#: Runs whose final losses differ by less than this share met the same floor.
SAME_FLOOR = 0.02
#: So many runs into one floor are no chance.
FEWEST_RUNS = 3


def _contradiction(failed: FailedTraining) -> Answer | None:
    """Rows that contradict each other, where time alone does not reach the target."""
    seen = _contradicting(failed)
    if seen is None:
        return None
    longer = more_steps.more(failed.reruns.steps, LONGER)
    return failed.first_passing([longer]) or seen


def _contradicting(failed: FailedTraining) -> Answer | None:
    """Rows that contradict each other: seen in the data, not in the curve."""
    pair = _inputs_and_targets(failed)
    clashing = 0.0 if pair is None else contradicting_share(*pair)
    if not clashing > CONTRADICTING:
        return None
    best = min(failed.trials.best, failed.record.curve.last)
    message = f"{share(clashing)} of the rows have the inputs of another row and other targets"
    return Answer(cause=CAUSE.code, message=message, floor=best)


def _inputs_and_targets(failed: FailedTraining) -> tuple[Any, Any] | None:
    if failed.reruns.rows is None or failed.training.model is None:
        return None
    leaves = list(batch_leaves(failed.reruns.rows.arrays))
    x = [array for name, array in leaves if name.startswith("x")]
    y = [array for name, array in leaves if name.startswith("y")]
    if len(x) != 1 or len(y) != 1 or x[0].dtype.kind not in "fiub":
        return None
    return x[0], y[0]


def _floor(failed: FailedTraining) -> Answer | None:
    """One floor that several runs meet, where nothing is random."""
    best = failed.best
    if not failed.misses_the_loss or not failed.training.full_batch:
        return None
    losses = [failed.record.curve.last, *(t.losses[0] for t in failed.trials.like_the_failed_run)]
    finite = [loss for loss in losses if math.isfinite(loss)]
    met = sum(loss - best <= SAME_FLOOR * max(abs(best), 1e-12) for loss in finite)
    return _unreachable(failed, f": {met} runs end there") if met >= FEWEST_RUNS else None


def _related(failed: FailedTraining) -> Answer | None:
    """Targets that are learnt, though not as far as was asked for."""
    gained = relation(failed)
    return _unreachable(failed) if gained is not None and gained > RELATED else None


def _unreachable(failed: FailedTraining, seen: str = "") -> Answer:
    best, bound = failed.best, failed.trials.expectation.max_loss
    aim = "the target" if bound is None else f"max_loss={number(bound)}"
    higher = 1.05 * best if best > 0 else 0.95 * best
    return Answer(
        cause=CAUSE.code,
        message=f"no change gets below {number(best)}, {aim}{seen}",
        floor=best,
        fix="" if bound is None else f"max_loss={higher:.3g}",
    )


CAUSE = Cause(
    code="unreachable-target",
    steps=(
        Step(place=Place.CONTRADICTIONS, answer=_contradiction),
        Step(place=Place.CONTRADICTIONS_SEEN, answer=_contradicting),
        Step(place=Place.FLOOR, answer=_floor),
        Step(place=Place.RELATED_TARGETS, answer=_related),
    ),
)
