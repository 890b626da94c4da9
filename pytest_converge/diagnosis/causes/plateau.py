"""So flat that steps of a usual length do not leave it.

The loss surface is flat here: the gradient is so small that steps of a usual length do not leave
it. The curve looks finished though nothing was learned. Saturated sigmoids and gates that start
shut are common places.

## How it is found

The word is earned by escaping, in one of five ways.

**No slope at the start**, where nothing is random (`converge.minimize`): the loss moved by less
than 0.1 %, every gradient of the run is below 0.1 % of what starts drawn elsewhere have in the
median, and steps times rate times the largest curvature stays below 5, so that the place is neither
a minimum nor a saddle point at this rate. Then no rate is too low, whichever passes. Other starts
are tried: near the given one, and around 0, since a start that is far too large has no better ones
near it. If none passes, the plateau is named by this evidence alone; nothing is called out of reach
where no run had a gradient.

**No slope along a few numbers**, of at most 8 in a variable without a model: their gradient is
exactly 0 at the start, though the loss depends on them, and they end where they began. So are all
of them, where they are no more than 8, a step of length 1 along the gradient would change less than
a thousandth of the loss, and the run has changed no more of it. They are begun 1, 3, 10, 30, 100,
300 and 1,000 higher and lower, of up to three numbers some higher and some lower, and the training
is repeated.

**A valley far off.** Of up to three numbers in all, of a run that gained at most 10 % of its loss
under every rate, the loss is looked at along each of them, with the others as they are: at 257
points, up to ten times its size plus 1 to either side. Where the lowest of them leaves less than
half of what the best run left, the training is begun there: a pulse is found by its overlap alone.

**Adam leaves it.** Adam, whose steps do not shrink with the gradient, is put in place
of the optimizer (Kingma and Ba 2015), and the training is repeated from the same start. It is a
plateau if every gate then passes on three seeds (one where nothing is random), and

- the loss stayed finite and did not rise, and the run gained at most 10 % of it, or the step gauge
  (see [learning-rate-too-high](learning-rate-too-high.md)) is above 0.9: the steps feel no
  curvature, and
- no learning rate and no larger number of steps passed, which are tried before.

A plateau differs from a [saddle point](saddle-point.md), which a small step along the right
direction leaves, and from a [local minimum](local-minimum.md), which has walls.

Plateaus of multilayer perceptrons: Fukumizu and Amari 2000, *Local minima and plateaus in
hierarchical structures of multilayer perceptrons*.

**Outputs far from their targets**, of a run that gained next to nothing: where the median of the
targets lies farther from 0 than their quartiles lie apart, the bias of a linear output is begun at
that median. A loss that is bounded for large errors, as that of Welsch, has no slope before.

## A test that shows it

```python
import keras
import tensorflow as tf


def slope(converge, optimizer):
    w = tf.Variable(15.0)  # the slope of a sigmoid is 3e-7 here
    converge.minimize(lambda: tf.sigmoid(w), [w], optimizer, steps=300, max_loss=0.01)


def test_far_out(converge):
    slope(converge, keras.optimizers.SGD(0.1))
```

## Repair

Better than another optimizer is another start: biases and gates whose units do not saturate.

```python
def test_adam(converge):
    slope(converge, keras.optimizers.Adam(0.1))
```
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

from pytest_converge.core.numbers import listed, number
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.evidence import DRAWS, SPREADS, looks_stationary, usual_gradient
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import optimizers, starts
from pytest_converge.training.measures.along_numbers import lowest_along_a_number
from pytest_converge.training.model.structure import output_layer

__all__ = [
    "CAUSE",
    "cause_of_an_escape",
    "escapes",
    "flat_along",
    "lowest_along_one",
    "nothing_moves",
    "without_slope",
]

#: A gauge this near to 1 means that the steps do not feel any curvature.
FLAT_GAUGE = 0.9
#: Distances from a start without a slope, each about three times the one before: of a parameter
#: nobody knows the unit. And the most numbers that are one: matrices without a gradient are a bad
#: start.
DISTANCES, MOST_NUMBERS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0), 8
#: So many numbers at most are begun some higher and some lower: of three there are eight ways.
MOST_DIRECTIONS = 3
#: A point is lower than every run where it leaves so much less of the loss: half is no noise.
CLEARLY_LOWER = 0.5
#: The share of the loss that a step of the length of a usual parameter changes on a plain.
NO_CHANGE = 1e-3
#: Runs that end nearer to where they began than this share of it have not moved.
MOVED = 1e-3
#: The share of the gap to the target that tells a rate that helps.
CLOSED = 0.5


def _no_slope(failed: FailedTraining) -> Answer | None:
    """A start without a slope: no rate is too low there, and another start is the escape."""
    reruns, evidence = failed.reruns, failed.evidence
    usual = usual_gradient(reruns, failed.record, evidence.rate, failed.trials.guard)
    failed.evidence = dataclasses.replace(evidence, usual_gradient=usual)
    found = None if usual is None else failed.first_passing(escapes())
    if found is None:
        return None
    message = f"{without_slope(failed)}; it converges with {found.change}"
    return dataclasses.replace(found, message=message)


def escapes() -> Repairs:
    """Starts elsewhere, from the nearest on; around 0 where the given one is far too large."""
    for spread in reversed(SPREADS):
        for around_zero in (False, True):
            for seed in range(DRAWS):
                yield starts.elsewhere(seed, spread, code=CAUSE.code, around_zero=around_zero)


def without_slope(failed: FailedTraining) -> str:
    """What shows that the start has no slope, with both norms; empty where it has one."""
    usual = failed.evidence.usual_gradient
    if usual is None:
        return ""
    return (
        f"the start has no slope: a gradient norm of"
        f" {number(failed.record.curve.gradient_norm[0])}, where other starts have {number(usual)}"
    )


def flat_along(failed: FailedTraining) -> list[tuple[int, Any]]:
    """The few numbers by which the loss has a slope of exactly 0, and which stay as they are.

    With the place of each among the trained variables. Where all stay, it is the start as a whole.
    """
    evidence = failed.evidence
    readings = () if evidence.layers is None else evidence.layers.layers
    if not any(each.gradient_norm for each in readings):
        return []
    variables = failed.training.trainable
    if len(readings) != len(variables) or any(each.kind != "variable" for each in readings):
        return []
    still = [
        (place, variable)
        for place, (reading, variable) in enumerate(zip(readings, variables, strict=True))
        if reading.gradient_norm == 0.0
        and reading.name not in evidence.disconnected
        and variable.shape.num_elements() <= MOST_NUMBERS
        and failed.reruns.stayed(variable)
    ]
    return still if len(still) < len(variables) else []


def _farther(failed: FailedTraining) -> Repairs:
    """Starts farther off along these numbers, where the loss may depend on them."""
    still = flat_along(failed) or _all_still(failed)
    if still:
        for distance in DISTANCES:
            for signs in _directions([variable for _, variable in still]):
                change = starts.moved(still, distance, signs, CAUSE.code)
                yield dataclasses.replace(change, fault=_flat(still))


def _among_targets(failed: FailedTraining) -> Repairs:
    """An output that begins among its targets, where it begins far from them and nothing is learnt.

    A loss that is bounded for large errors, as that of Welsch or Tukey, has no slope there.
    """
    rows, model = failed.reruns.rows, failed.training.model
    if rows is None or model is None or not looks_stationary(failed.record):
        return
    layer = output_layer(model)
    targets = [array for name, array in batch_leaves(rows.arrays) if name[0] == "y"]
    linear = getattr(getattr(layer, "activation", None), "__name__", "") == "linear"
    if len(targets) != 1 or not linear or getattr(layer, "bias", None) is None:
        return
    values = targets[0]
    if values.dtype.kind != "f" or layer.bias.shape != (1,) or values.size != len(values):
        return
    middle, low, high = _quartiles(values)
    if abs(middle) > high - low > 0:
        yield starts.among_targets(layer, middle, CAUSE.code)


def _quartiles(values: Any) -> tuple[float, float, float]:
    """The median and both quartiles of the numbers of an array; wild ones count for little."""
    ordered = sorted(values.ravel().tolist())
    low, middle, high = (ordered[len(ordered) * part // 4] for part in (1, 2, 3))
    return middle, low, high


def _far_off(failed: FailedTraining) -> Repairs:
    """The lowest point along a single number, where a run stays near its start."""
    return lowest_along_one(failed, CAUSE.code) if looks_stationary(failed.record) else ()


def lowest_along_one(failed: FailedTraining, code: str) -> Repairs:
    """A start at the lowest point of the loss along one of few numbers, if that is far lower.

    Args:
        failed: the training.
        code: the cause that is proven where it passes.
    """
    point = failed.at_the_start(
        "the loss along single numbers", lambda: lowest_along_a_number(failed.reruns.loop)
    )
    best = failed.best
    if point is None or not point.loss < best - CLEARLY_LOWER * abs(best):
        return
    variable = failed.training.trainable[point.place]
    only = [float(n == point.index) for n in range(math.prod(variable.shape))]
    signs = only if variable.shape.rank else 1.0
    name, _ = starts.called(variable, point.place)
    change = starts.moved([(point.place, variable)], point.away, [signs], code)
    fault = f"the start is far from where the loss falls: along {name} it is lowest at"
    yield dataclasses.replace(change, fault=f"{fault} {number(point.value)}")


def _directions(variables: list[Any]) -> Iterator[list[Any]]:
    """The signs of a step of each variable: all alike first, then each mixture of few numbers."""
    counts = [variable.shape.num_elements() for variable in variables]
    yield [1.0 for _ in variables]
    yield [-1.0 for _ in variables]
    if not 1 < sum(counts) <= MOST_DIRECTIONS:
        return
    for mixture in itertools.product((1.0, -1.0), repeat=sum(counts)):
        if len(set(mixture)) > 1:
            signs = iter(mixture)
            yield [[next(signs) for _ in range(count)] for count in counts]


def _all_still(failed: FailedTraining) -> list[tuple[int, Any]]:
    """The few numbers of a loss without data that no step moves; none where some do."""
    variables, norms = failed.training.trainable, failed.record.curve.gradient_norm
    count = sum(variable.shape.num_elements() for variable in variables)
    if not failed.training.full_batch or count > MOST_NUMBERS or not norms:
        return []
    curve = failed.record.curve
    flat = max(norms) <= NO_CHANGE * abs(curve.first)
    return list(enumerate(variables)) if flat and _stays(curve.first, curve.last) else []


def _stays(first: float, last: float) -> bool:
    """Whether a run ends at the loss at which it began."""
    return abs(last - first) <= MOVED * abs(first)


def nothing_moves(failed: FailedTraining) -> bool:
    """Whether every run does: nobody has come from above."""
    ends = [(failed.record.curve.first, failed.record.curve.last)]
    for trial in failed.trials.like_the_failed_run:
        ends += [(trial.course[0][1], trial.losses[0])] if trial.course else []
    return all(_stays(first, last) for first, last in ends)


def _flat(still: list[tuple[int, Any]]) -> str:
    names = listed(tuple(starts.called(variable, place)[0] for place, variable in still))
    return f"the loss has no slope along {names} at the start: its gradient is next to 0"


def _seen(failed: FailedTraining) -> Answer | None:
    message, still = without_slope(failed), flat_along(failed) or _all_still(failed)
    if not message and still:
        message = _flat(still)
    return Answer(cause=CAUSE.code, message=message) if message else None


def _other_optimizer(failed: FailedTraining) -> Answer | None:
    """Adam cures most things: which of them is told by the rates, the curve and the gauge."""
    rates = optimizers.ADAM_RATES[1:] if failed.takes_rate else ()
    found = failed.first_passing(optimizers.adam(CAUSE.code, rate) for rate in rates)
    if found is None:
        return None
    if _leaves_all(failed):
        kind = type(failed.training.optimizers[0].optimizer).__name__
        message = f"{kind} leaves every variable as it is; it converges with {found.change}"
        return dataclasses.replace(found, cause="frozen-variables", message=message)
    return dataclasses.replace(found, cause=_rate_that_helps(failed) or cause_of_an_escape(failed))


def _leaves_all(failed: FailedTraining) -> bool:
    """Whether an optimizer changes nothing, whatever the gradient, as one of the user's may."""
    unmoved = len(failed.reruns.unmoved) == len(failed.training.trainable)
    return unmoved and any(norm > 0 for norm in failed.record.curve.gradient_norm)


def _rate_that_helps(failed: FailedTraining) -> str | None:
    """The direction of a rate that closed most of the gap to the target, if not all of it."""
    bound, last = failed.trials.expectation.max_loss, failed.record.curve.last
    trials = [t for t in failed.trials.done.values() if t.code.startswith("learning-rate")]
    finite = [t for t in trials if math.isfinite(t.losses[0])]
    if bound is None or not finite or not math.isfinite(last):
        return None
    best = min(finite, key=lambda trial: trial.losses[0])
    helps = last - best.losses[0] > CLOSED * (last - bound)
    return best.code if helps else None


def cause_of_an_escape(failed: FailedTraining) -> str:
    """What Adam's success means: a plateau where the run stood still, else a rate that is wrong."""
    if failed.evidence.rose and failed.evidence.hardly_moves:  # the wrong way, in tiny steps
        return "learning-rate-too-low"
    if failed.evidence.unstable or failed.evidence.never_too_slow:
        return "learning-rate-too-high"
    if looks_stationary(failed.record) or failed.evidence.gauge > FLAT_GAUGE:
        return CAUSE.code
    return "learning-rate-too-low"


CAUSE = Cause(
    code="plateau",
    sentence="the start lies on a plateau; it converges with {change}",
    steps=(
        Step(place=Place.NO_SLOPE, answer=_no_slope),
        Step(place=Place.NO_SLOPE, repairs=_farther),
        Step(place=Place.NO_SLOPE, repairs=_among_targets),
        Step(place=Place.OTHER_OPTIMIZER, repairs=_far_off),
        Step(place=Place.OTHER_OPTIMIZER, answer=_other_optimizer),
        Step(place=Place.NO_SLOPE_SEEN, answer=_seen),
    ),
)
