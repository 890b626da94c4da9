"""Accumulated gradients are never cleared.

A step of your own adds its gradients up in variables, so that one update is made of several
batches, and does not set them back to 0 after the update. Each update then repeats the gradients
of all steps before it: the weights overshoot and swing, however small the learning rate is.

## How it is found

One step is made on the first batch and looked at: variables beside the trained ones to which the
gradients are added. They are set back to their initial values after each update, and the training
is repeated from the same start. It is the cause if every gate then passes on three seeds. Where
the step clears them itself that changes nothing, and is no evidence. Sums of squares, as of
Adagrad, and running means, as of momentum, are none.

## A test that shows it

```python
import keras
import numpy as np
import tensorflow as tf

x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
y = x @ np.array([[1.0], [2.0], [-1.0], [0.5]], "float32")


def line(converge, clears):
    w, optimizer = tf.Variable(tf.zeros((4, 1))), keras.optimizers.SGD(0.1)
    total = tf.Variable(tf.zeros((4, 1)), trainable=False)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        total.assign_add(tape.gradient(loss, w))
        optimizer.apply([total], [w])
        if clears:
            total.assign(tf.zeros_like(total))
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(64).repeat()
    converge.step(step, variables=[w], data=data, steps=100, max_loss=1e-3)


def test_never_cleared(converge):
    line(converge, clears=False)
```

## Repair

```python
def test_cleared(converge):
    line(converge, clears=True)
```
"""

import dataclasses

from pytest_converge.core.numbers import listed
from pytest_converge.diagnosis.cause import Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.training.interventions import cleared


def _repairs(failed: FailedTraining) -> Repairs:
    """The variables in which the step adds up its gradients, set back after each update."""
    totals = failed.evidence.computation.accumulated
    if totals:
        change = cleared.cleared(failed.training, totals)
        where = listed(change.where)
        fault = f"the gradients of earlier steps stay in {where}, which each update uses"
        yield dataclasses.replace(change, fault=fault)


CAUSE = Cause(
    code="uncleared-gradients",
    usual=lambda failed: [_repairs(failed)],
    steps=(Step(place=Place.MADE_ANEW, repairs=_repairs),),
)
