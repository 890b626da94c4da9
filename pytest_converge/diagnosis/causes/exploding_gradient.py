"""Single gradients are thousands of times larger.

Most gradients are of a usual size, and some are thousands of times larger: at a cliff of the loss,
on an odd batch, after many steps through time of a recurrent layer. One such step throws the
weights far away. A rate low enough for the cliff would be far too low for the rest.

## How it is found

The global norm of the gradients is clipped to 1, everything else stays, and the training is
repeated from the same start. It is the cause if every gate then passes on three seeds, and if no
learning rate alone did: rates are tried first. Where the largest norm is more than 100 times the
median one, as of a step off a cliff, it is tried before more steps, which lead back after
thousands. The usual bound of 1, and the cliffs: Pascanu, Mikolov and Bengio 2013, *On the
difficulty of training recurrent neural networks*.

A gradient may also be NaN where the loss is not: `tf.where` gives the branch that was not taken the
gradient 0, and 0 times the infinite slope of a logarithm or a quotient is NaN. The step in which a
loss or a gradient is not finite first is made again, operation by operation. If the first one is a
root, a logarithm, a power, a division by 0 or an inverse function at its end, its argument is kept
away from there and the training repeated: `tf.sqrt(tf.maximum(x, 1e-7))`. So is that of one that is
given numbers which it does not take at all, where the loss leaves these out. Else, where a calm run
has such a step, what is not finite of its gradients is set to 0 and the training repeated.

Numbers of float16 end at 65504, and below at 6e-8. Where layers compute in it, float32 is tried
before all else; a run that does not rise but stands still is then called a
[vanishing-gradient](vanishing-gradient.md).

A recurrent layer multiplies its state by the same weights in every step of a row. Where the loss
rose and its activation has no bound, as `relu`, `tanh` takes its place, and the training is
repeated.

The report section shows the gradient norm at the checkpoints. A large norm turns nothing red: it
depends on the unit of the loss and the number of weights.

## A test that shows it

```python
import keras
import tensorflow as tf


def quartic(converge, optimizer):
    w = tf.Variable(10.0)  # the slope of w**4 is 4,000 here, and 0.02 near the target
    converge.minimize(lambda: w**4, [w], optimizer, steps=300, max_loss=1e-3)


def test_from_far_away(converge):
    quartic(converge, keras.optimizers.SGD(0.1))
```

## Repair

```python
def test_clipped(converge):
    quartic(converge, keras.optimizers.SGD(0.1, global_clipnorm=1.0))
```
"""

import dataclasses
import itertools
import math
import statistics

from pytest_converge.core.numbers import number
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.evidence import SPIKE
from pytest_converge.training.interventions import (
    finite_gradients,
    hidden,
    optimizers,
    precision,
    safe_operations,
)
from pytest_converge.training.measures.nonfinite_origin import ENDS, WORDS, NonFiniteOrigin
from pytest_converge.training.model.structure import layers_of

__all__ = ["CAUSE", "broken_step", "origin_of", "takes_less"]

#: A gradient so many times the median one of its run (Pascanu et al. 2013, arXiv:1211.5063, section
#: 2.3, on cliffs; the number is a choice).
CLIFF = 100.0
#: Gradients that grew so many times before belong to a run that left the finite numbers by itself.
GREW = 1e3


def broken_step(record: TrainingRecord) -> int | None:
    """The step, counted from 1, in which a calm run with a finite loss has no finite gradient.

    Branches of `tf.where` that were not taken, and roots at 0, have such gradients.
    """
    losses, norms = record.curve.batch_loss, record.curve.gradient_norm
    step = next((n for n, norm in enumerate(norms) if not math.isfinite(norm)), None)
    if step is None or not math.isfinite(losses[step]):
        return None
    first = abs(losses[0])
    calm = all(abs(loss) <= SPIKE * max(first, 1e-12) for loss in losses[: step + 1])
    grown = step > 0 and max(norms[:step]) > GREW * max(norms[0], 1e-12)
    return step + 1 if calm and not grown else None


def _safe(failed: FailedTraining) -> Repairs:
    """The operation that made the first value that is not finite, kept away from 0 or its end."""
    origin = origin_of(failed)
    if origin is not None and (origin.at_zero or _is_masked(failed, origin)):
        where = _place(failed, origin)
        change = safe_operations.safe(
            failed.training, origin.kind, origin.layer, where, at=origin.place
        )
        yield dataclasses.replace(change, fault=_says(failed, origin))


def _finite(failed: FailedTraining) -> Repairs:
    """What is not finite left out of the gradients of a calm run, whatever made it."""
    training = failed.training
    if broken_step(failed.record) is None or not training.optimizer_is_ours:
        return
    if optimizers.is_keras(training):
        yield dataclasses.replace(finite_gradients.finite(), fault=_not_finite(failed))


def _seen(failed: FailedTraining) -> Answer | None:
    """What is not finite before the first update, where no repair was proven: no rate helps."""
    origin, step = failed.evidence.origin, first_nonfinite(failed.record)
    if step != 1:
        return None
    if origin is not None and (origin.at_zero or _is_masked(failed, origin)):
        (change,) = _safe(failed)
        message = _says(failed, origin)
        return Answer(cause=CAUSE.code, message=message, where=change.where, fix=change.fix)
    if origin is not None and origin.least is not None:
        return Answer(cause="output-loss-mismatch", message=takes_less(failed, origin))
    if broken_step(failed.record) is None:
        return None
    message = (
        f"{_not_finite(failed)}: look for a root, a logarithm or a division, also in a branch of"
        " tf.where that is not taken"
    )
    return Answer(cause=CAUSE.code, message=message, fix=finite_gradients.FIX)


def origin_of(failed: FailedTraining) -> NonFiniteOrigin | None:
    """What made the first value that is not finite; looked for once."""
    step = first_nonfinite(failed.record)
    if step is None or failed.evidence.origin is not None:
        return failed.evidence.origin
    origin = failed.trials.guard.tried(
        f"the operations of step {step}", lambda: failed.reruns.nonfinite_origin(step)
    )
    failed.evidence = dataclasses.replace(failed.evidence, origin=origin)
    return origin


def _is_masked(failed: FailedTraining, origin: NonFiniteOrigin) -> bool:
    """Whether what an operation makes of numbers that it does not take is left out of the loss."""
    return origin.least is not None and broken_step(failed.record) == origin.step


def _not_finite(failed: FailedTraining) -> str:
    return f"the gradient of step {broken_step(failed.record)} is not finite although its loss is"


def first_nonfinite(record: TrainingRecord) -> int | None:
    """The step, counted from 1, in which a batch loss or a gradient is not finite first."""
    losses, norms = record.curve.batch_loss, record.curve.gradient_norm
    rows = itertools.zip_longest(losses, norms, fillvalue=0.0)
    bad = (n for n, row in enumerate(rows, 1) if not all(map(math.isfinite, row)))
    return next(bad, None)


def _place(failed: FailedTraining, origin: NonFiniteOrigin) -> str:
    """The layer of an operation, else the user's loss; empty where that has no name."""
    return origin.layer or failed.evidence.computation.loss


def takes_less(failed: FailedTraining, origin: NonFiniteOrigin) -> str:
    """Numbers far below 0 are no rounding: the output is not what the loss takes."""
    place, least = _place(failed, origin) or "the loss", number(origin.least or 0.0)
    when = "before any update" if origin.step == 1 else f"in step {origin.step}"
    return f"{place} takes the {WORDS[origin.kind]} of numbers down to {least}, {when}"


def _says(failed: FailedTraining, origin: NonFiniteOrigin) -> str:
    what = "derivative of the " if origin.derivative else ""
    of = "by" if origin.kind in ("Div", "RealDiv") else "of"
    end = ENDS.get(origin.kind, "0")
    place = _place(failed, origin) or "the loss"
    if not origin.at_zero:
        taken = f"the {WORDS[origin.kind]} {of} numbers down to {number(origin.least or 0.0)}"
        return f"{taken}, which {place} leaves out, has no finite gradient"
    words = f"{what}{WORDS[origin.kind]} {of} {end} in {place}"
    return f"the {words} is not finite, first in step {origin.step}"


def _bounded_states(failed: FailedTraining) -> Repairs:
    """States of recurrent layers that grow without bounds, where the loss rose."""
    evidence = failed.evidence
    if not (evidence.rose or evidence.climbed or evidence.unstable):
        return
    layers = [layer for model in failed.training.models for layer in layers_of(model)]
    change = hidden.bounded_states(layers, CAUSE.code)
    if change is not None:
        yield change


def _clipped(failed: FailedTraining) -> Repairs:
    if failed.takes_optimizer and optimizers.is_keras(failed.training):
        yield optimizers.clipped(failed.training)


def _off_a_cliff(failed: FailedTraining) -> Repairs:
    """Clipped as well, where one gradient is far larger than those of all other steps."""
    norms = [norm for norm in failed.record.curve.gradient_norm if math.isfinite(norm)]
    if len(norms) > 1 and max(norms) > CLIFF * statistics.median(norms):
        yield from _clipped(failed)


def _half_precision(failed: FailedTraining) -> Repairs:
    """Numbers of 16 bits, which overflow where others do not, or lose a gradient altogether."""
    code = CAUSE.code if failed.evidence.rose else "vanishing-gradient"
    change = precision.in_single_precision(failed.training, code)
    if change is not None:
        yield change


CAUSE = Cause(
    code="exploding-gradient",
    sentence="single gradients are too large; it converges with {change}",
    usual=lambda failed: [[*_safe(failed), *_finite(failed)], [*_bounded_states(failed)]],
    steps=(
        Step(place=Place.HALF_PRECISION, repairs=_half_precision),
        Step(place=Place.ACTIVATIONS, repairs=_bounded_states),
        Step(place=Place.BROKEN_GRADIENT, repairs=_safe),
        Step(place=Place.BROKEN_GRADIENT, repairs=_finite),
        Step(place=Place.CLIFF, repairs=_off_a_cliff),
        Step(place=Place.CLIPPED, repairs=_clipped),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_seen),
    ),
)
