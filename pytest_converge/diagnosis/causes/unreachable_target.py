"""The loss has a floor above `max_loss`.

No training gets there: the loss has a floor above `max_loss`. Noise in the targets, the same
inputs with different targets, information that is not in the features, a model without the needed
form, or a bound that was a guess.

## How it is found

It is said last, when no change made the test pass and none was left out, and then in one of these
cases:

- Nothing is random and at least three runs with different changes end within 2 % of the same loss.
- More than a tenth of the rows of one pass over the data have the inputs of another row and other
  targets.
- Half of the rows or more have the inputs of another one, and the variance of the targets around
  their mean for the same inputs is above `max_loss`: no squared error gets below (the pure error of
  a lack-of-fit test: Draper and Smith 1998, *Applied Regression Analysis*, 2.1). This is said
  before remedies are tried.
- More steps or a larger model reach it only by heart, with a higher loss on rows held out.
- The best run beats one with permuted targets by more than 5 % of the loss of the best constant
  prediction, and nearest neighbours and a linear fit, which need no model, predict targets of rows
  held out no better: there is something to learn, and it was learned as far as it goes. Otherwise
  see [labels-unrelated](labels-unrelated.md).

It is never said where the model may be what is missing: where those two predict clearly better than
the model, where a larger model could not be tried, or where the loss stands at the loss of a
prediction without information: ln C of C equally likely classes, -ln(1e-7) of an epsilon, or
-ln(e / (e + C - 1)), below which no softmax of a softmax gets.

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

from collections.abc import Sequence
from typing import Any

from pytest_converge.columns.contradictions import contradicting_share, pure_error
from pytest_converge.core.numbers import loss, number, share
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Step
from pytest_converge.diagnosis.causes.labels_unrelated import left_out
from pytest_converge.diagnosis.causes.plateau import nothing_moves
from pytest_converge.diagnosis.causes.too_small_capacity import larger
from pytest_converge.diagnosis.relation import RELATED, relation
from pytest_converge.diagnosis.skill import skill_in_squares
from pytest_converge.diagnosis.trials import only_metrics_missed
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import steps as more_steps
from pytest_converge.training.model.losses import loss_names, uninformed_loss

__all__ = ["CAUSE", "known_floor"]

#: Rows with the same inputs and other targets, as a share of all, that explain a missed target.
CONTRADICTING = 0.1
#: What anybody would try before: so many times the steps.
LONGER = 4
#: Runs whose final losses differ by less than this share met the same floor.
SAME_FLOOR = 0.02
#: Advantage of predictors without a model over the best run that shows a model to be missing:
#: of labels of which a share is flipped, the skill in squares of shares lies up to 0.11 above
#: that in cross-entropy (at 10 %, in closed form).
MISSING_MODEL = 0.15
#: A loss within this factor of the least squared error is that of the squared error.
NEAR_THE_FLOOR = 1.25
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


def _pure_error(failed: FailedTraining) -> Answer | None:
    """Targets that differ by more than the bound among rows with the same inputs.

    Of a step whose loss nobody names it has to be the squared error by its values: what was left
    of it is near to what those rows leave.
    """
    pair, bound = _inputs_and_targets(failed), failed.trials.expectation.max_loss
    floor = None if pair is None or bound is None else pure_error(*pair)
    if floor is None or bound is None or not bound < floor:
        return None
    training, best = failed.training, min(failed.trials.best, failed.record.curve.last)
    compiled = training.model is not None and not training.own_train_step
    known = loss_names(training.model.loss) if compiled else []
    named = [name for name, _ in known] == ["mean_squared_error"]
    if not named and not floor / NEAR_THE_FLOOR < best < floor * NEAR_THE_FLOOR:
        return None
    message = (
        f"rows with the same inputs have other targets: their variance around the mean of each is"
        f" {number(floor)}, and no squared error gets below that"
    )
    fix = f"max_loss={1.05 * max(floor, best):.3g}"
    return Answer(cause=CAUSE.code, message=message, floor=floor, fix=fix)


def _inputs_and_targets(failed: FailedTraining) -> tuple[Any, Any] | None:
    """Of one pass over the data: pairs that are drawn anew in the next contradict nobody."""
    rows = failed.reruns.rows
    told = failed.training.model is not None or "y" in failed.evidence.computation.targets
    if rows is None or not told:
        return None
    leaves = list(batch_leaves(rows.arrays))
    x = [array for name, array in leaves if name.startswith("x")]
    y = [array for name, array in leaves if name.startswith("y")]
    if len(x) != 1 or len(y) != 1 or x[0].dtype.kind not in "fiub":
        return None
    return x[0][: rows.epoch_rows], y[0][: rows.epoch_rows]


def _floor(failed: FailedTraining) -> Answer | None:
    """One floor that several runs meet, where nothing is random."""
    best = failed.best
    if not failed.misses_the_loss or not failed.training.full_batch or left_out(failed):
        return None
    if nothing_moves(failed):
        return None  # a plain is no floor
    courses = [failed.record.curve.course, *(t.course for t in failed.trials.like_the_failed_run)]
    met = sum(_comes_down_to(best, [loss for _, loss in course]) for course in courses)
    return _unreachable(failed, f": {met} runs end there") if met >= FEWEST_RUNS else None


def _comes_down_to(floor: float, losses: Sequence[float]) -> bool:
    """Whether a run ends at a floor, and began above it: where nothing is learnt all ends alike."""
    near = floor + SAME_FLOOR * max(abs(floor), 1e-12)
    return bool(losses) and losses[-1] <= near < losses[0]


def _related(failed: FailedTraining) -> Answer | None:
    """Targets that are learnt as far as predictors without a model get as well."""
    if left_out(failed) or known_floor(failed) or _model_is_fixed(failed):
        return None
    if only_metrics_missed(failed.record, failed.trials.expectation):
        return None  # a floor of the loss says nothing of them
    signal, reached = failed.signal, skill_in_squares(failed)
    if signal is None or not signal.some or reached is None:
        return None
    if signal.skill > reached + MISSING_MODEL:
        return None
    gained = relation(failed)
    if gained is None or gained <= RELATED:
        return None
    return _unreachable(failed, f", nor does {signal.by} without the model")


def _model_is_fixed(failed: FailedTraining) -> bool:
    """True where nobody knows what another model would reach: none could be tried."""
    found = failed.trials.guard.measured("a wider model", lambda: larger(failed.training))
    return not found


def known_floor(failed: FailedTraining) -> str:
    """The loss of predictions without information at which the best run stands; empty for none."""
    model, rows = failed.training.model, failed.reruns.rows
    known = [] if model is None or failed.training.own_train_step else loss_names(model.loss)
    shape = getattr(model, "output_shape", None)
    if len(known) != 1 or rows is None or not isinstance(shape, tuple):
        return ""
    classes = shape[-1] if isinstance(shape[-1], int) else 1
    return uninformed_loss(known[0][0], classes, failed.best)


def _unreachable(failed: FailedTraining, seen: str = "") -> Answer:
    best, bound = failed.best, failed.trials.expectation.max_loss
    aim = "the target" if bound is None else f"max_loss={number(bound)}"
    higher = 1.05 * best if best > 0 else 0.95 * best
    lines = [] if bound is None else [*_reaching(failed, higher), f"max_loss={higher:.3g}"]
    return Answer(
        cause=CAUSE.code,
        message=f"no change gets below {loss(best)}, {aim}{seen}",
        floor=best,
        fix="\n".join(lines),
    )


def _reaching(failed: FailedTraining, bound: float) -> list[str]:
    """The code of the change that got to the floor, where the training as it is misses it too."""
    if failed.record.curve.last <= bound:
        return []
    tried = failed.trials.like_the_failed_run
    return [trial.fix for trial in tried if trial.fix and trial.losses[0] == failed.best][:1]


CAUSE = Cause(
    code="unreachable-target",
    steps=(
        Step(place=Place.CONTRADICTIONS, answer=_contradiction),
        Step(place=Place.CONTRADICTIONS, answer=_pure_error),
        Step(place=Place.CONTRADICTIONS_SEEN, answer=_contradicting),
        Step(place=Place.FLOOR, answer=_floor),
        Step(place=Place.RELATED_TARGETS, answer=_related),
    ),
)
