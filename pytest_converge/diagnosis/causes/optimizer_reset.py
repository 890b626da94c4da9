"""The step makes its optimizer anew.

A step of your own makes a new optimizer every time it is called. Momentum, the averages of Adam and
the number of updates made so far begin at 0 in each step: Adam then moves every weight by its whole
learning rate whatever the size of the gradient, and no schedule ever advances.

## How it is found

One step is made on the first batch and looked at: it made an optimizer of Keras. Then one optimizer
of the same settings makes all updates, and the training is repeated from the same start. It is
proven if every gate passes on three seeds, and named without a proof otherwise. Rates of an
optimizer that the step does not use change nothing.

## A test that shows it

```python
import keras
import numpy as np
import tensorflow as tf

x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
y = x @ np.array([[1.0], [2.0], [-1.0], [0.5]], "float32")


def line(converge, once):
    w, kept = tf.Variable(tf.zeros((4, 1))), keras.optimizers.Adam(0.1)

    def step(x, y):
        optimizer = kept if once else keras.optimizers.Adam(0.1)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(64).repeat()
    converge.step(step, variables=[w], data=data, steps=100, max_loss=1e-3)


def test_anew(converge):
    line(converge, once=False)
```

## Repair

```python
def test_once(converge):
    line(converge, once=True)
```
"""

import dataclasses

from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.training.interventions import kept_optimizer


def _repairs(failed: FailedTraining) -> Repairs:
    """The only optimizer that a step makes, made once."""
    made = failed.evidence.computation.made
    if len(made) == 1:
        yield dataclasses.replace(kept_optimizer.kept(*made[0]), fault=_says(failed))


def _seen(failed: FailedTraining) -> Answer | None:
    """The same where that is not enough, or could not be tried."""
    made = failed.evidence.computation.made
    if not made:
        return None
    return Answer(cause=CAUSE.code, message=_says(failed), fix=kept_optimizer.kept(*made[0]).fix)


def _says(failed: FailedTraining) -> str:
    name = failed.evidence.computation.made[0][0].__name__
    return f"each step makes a new {name}, which begins without the state of the one before"


CAUSE = Cause(
    code="optimizer-reset",
    usual=lambda failed: [_repairs(failed)],
    steps=(
        Step(place=Place.MADE_ANEW, repairs=_repairs),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_seen),
    ),
)
