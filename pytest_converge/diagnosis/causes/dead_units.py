"""ReLUs that put out 0 for every row from the start.

ReLUs whose input is negative for every row put out 0 and get no gradient: they never come back. If
most units of a layer start like that, hardly anything is left to train.

## How it is found

At the start, before any step, the hidden layers are run on the probe set. A layer counts as dead
where more than 70 % of its ReLUs are 0 on every row. Half of all units being 0 on a *given* row is
normal, and dead units at the *end* are more often the consequence of a rate too high: neither is
counted.

A rectifier in code of your own, as `keras.ops.relu`, `tf.nn.relu6` or `tf.maximum(x, 0.0)` in a
layer, a model or a step, counts as dead where it is 0 throughout on the first batch, and what is
trained before it has no other way to the loss: a penalty that does not act yet, or a hinge that is
satisfied, does not count. So does either end of a clip, as of `keras.ops.clip(z, 20.0, 60.0)`,
beyond which all of its numbers lie. Its input is moved by one constant, so that about half of the
numbers are let through, and the training is repeated. Where that is not proven, and the predictions
are the same for every row, it is named without a proof.

A layer that is fed with zeros alone is not dead: what feeds it is at fault, see
[bad-initialisation](bad-initialisation.md).

Where a layer `ReLU` has a threshold above 0, it is made a plain one first: `threshold=6` is easily
written for `max_value=6`. Then the weights are drawn anew by Keras' default initialisers. The
training is repeated; it is the cause if every gate then passes on three seeds. Where no change at
all passes, and the targets are learnt no better than permuted ones, the dead layer is named without
a proof. If units die only in the course of the training, see
[learning-rate-too-high](learning-rate-too-high.md).

**As a note** on a training that passes: after the last step, more than half of the ReLUs of a layer
are 0 on all of up to 256 rows of the probe set, in inference mode. The layer is wider than what it
does, or a high rate killed its units. It turns nothing red, is shown with `-v`, and is silenced by
`ignore=("dead-units",)`.

Maas et al. 2013, *Rectifier nonlinearities improve neural network acoustic models*, leave negative
inputs a small slope.

## A test that shows it

```python
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(256, 4))
y = np.abs(x).sum(axis=1)


def network(bias):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(1)]
    )
    model.layers[0].bias.assign([bias] * 32)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def test_far_below_zero(converge):
    converge.fit(network(-20.0), x, y, steps=200, max_loss=0.5)
```

## Repair

```python
def test_at_zero(converge):
    converge.fit(network(0.0), x, y, steps=200, max_loss=0.5)
```
"""

from collections.abc import Iterable

from pytest_converge.core.numbers import listed, number
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.diagnosis.relation import RELATED, relation
from pytest_converge.training.interventions import hidden, moved_rectifiers
from pytest_converge.training.model.structure import layers_of

#: Predictions that differ by less from row to row are the same: the rounding of float32.
CONSTANT = 1e-6


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    return [_rectifiers(failed), [*_operations(failed)]]


def _rectifiers(failed: FailedTraining) -> Repairs:
    """The thresholds of layers `ReLU` taken back; what draws weights anew is a bad start's."""
    if failed.training.model is not None and failed.evidence.odd_start:
        shifted = hidden.shifted_rectifiers(layers_of(failed.training.model))
        code = CAUSE.code if failed.evidence.dead else "bad-initialisation"
        yield from [hidden.plain_rectifiers(shifted, code)] if shifted else ()


def _operations(failed: FailedTraining) -> Repairs:
    """Rectifiers of the user's own code moved to where they let something through."""
    seen = failed.evidence.computation
    change = moved_rectifiers.moved(failed.training, seen.dead, seen.loss)
    if change is not None and not seen.clipped:  # a variable itself has a better start
        yield change


def _operations_seen(failed: FailedTraining) -> Answer | None:
    """The same without a proof, of a model whose answers are the same for every row at the end."""
    seen, deviation = failed.evidence.computation, failed.evidence.prediction_deviation
    if not seen.dead or (deviation is not None and deviation > CONSTANT):
        return None
    first = seen.dead[0]
    end = "least" if first.kind == "Minimum" else "most"
    message = (
        f"{moved_rectifiers.in_place(first, seen.loss)} is {number(first.edge)} for every row at"
        f" the start: its input is at {end} {number(first.nearest)}, so that no gradient reaches"
        f" {listed(first.where)}"
    )
    return Answer(cause=CAUSE.code, where=(first.layer,) if first.layer else (), message=message)


def _unproven(failed: FailedTraining) -> Answer | None:
    """Targets that are learnt no better than permuted ones, by a model that learns nothing."""
    if not failed.evidence.dead:
        return None
    gained = relation(failed)
    if gained is None or gained > RELATED:
        return None
    return Answer(cause=CAUSE.code, message=_seen(failed.evidence))


def _seen(evidence: Evidence) -> str:
    return f"units of {listed(tuple(evidence.dead))} are dead on every row"


def _sentence(evidence: Evidence, answer: Answer) -> str:
    return f"{_seen(evidence)}; it converges with {answer.change}"


CAUSE = Cause(
    code="dead-units",
    sentence=_sentence,
    usual=_usual,
    steps=(
        Step(place=Place.RECTIFIERS, repairs=_rectifiers),
        Step(place=Place.RECTIFIERS, repairs=_operations),
        Step(place=Place.NO_SLOPE_SEEN, answer=_operations_seen),
        Step(place=Place.DEAD_LAYERS, answer=_unproven),
    ),
)
