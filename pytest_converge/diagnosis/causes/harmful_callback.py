"""A callback undoes or hinders the training.

What a callback does in a run is a part of the training, as a rate is: it may put weights back,
lower the learning rate when there is nothing to lower it for, or freeze a layer. One that makes the
learning rate ten times higher, or takes it to a tenth before half of the steps, goes by the name of
that: see [learning-rate-too-high](learning-rate-too-high.md) and
[learning-rate-too-low](learning-rate-too-low.md).

## How it is found

Every callback that may change the training is left out, one at a time, and the training is repeated
from the same start, before any learning rate is tried: another rate may make up for what it does,
and hide it. It is the cause if every gate then passes on three seeds.

Callbacks of Keras that only write or watch, as `ModelCheckpoint` and `History`, are never tried.
One that ended the training is a matter of [too few steps](too-few-steps.md).

## A test that shows it

```python
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
y = x @ np.array([[1.0], [-2.0], [0.5], [0.0]], "float32")


class OfTheFirstEpoch(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self.weights = self.model.get_weights()

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)


def line():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return model


def test_put_back(converge):
    converge.fit(line, x, y, epochs=20, max_loss=1e-3, callbacks=[OfTheFirstEpoch()])
```

## Repair

```python
def test_kept(converge):
    converge.fit(line, x, y, epochs=20, max_loss=1e-3)
```
"""

import dataclasses

from pytest_converge.core.numbers import number
from pytest_converge.diagnosis.cause import Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.training.interventions import steps

#: A rate so many times that of the optimizer, or such a part of it, is another, and no rounding:
#: as far as a warm-up to a rate that was meant may go, within the distance of the search for rates.
#: A low one counts where it comes before half of the steps: most trainings end at a lower rate.
FAR = 10.0


def _left_out(failed: FailedTraining) -> Repairs:
    """Each callback that may change the training left out; one that ended it was before."""
    callbacks = failed.training.callbacks
    for name in () if callbacks is None else callbacks.acting:
        if name != failed.record.stopped_by:
            change = steps.without_callback(name, _fault(failed, name))
            code = _of_the_rate(failed, name)
            yield dataclasses.replace(change, code=code) if code else change


def _of_the_rate(failed: FailedTraining, name: str) -> str:
    """What it means that a callback was seen to set far other rates than its optimizer's."""
    callbacks, rates = failed.training.callbacks, failed.record.curve.learning_rate
    if callbacks is None or name not in callbacks.rate_setters or not rates:
        return ""
    own = failed.training.optimizers[0].user_rate
    if not isinstance(own, float):
        return ""
    if rates[-1] > FAR * own:
        return "learning-rate-too-high"
    middle = rates[len(rates) // 2]
    return "learning-rate-too-low" if middle < own / FAR else ""


def _fault(failed: FailedTraining, name: str) -> str:
    """What the callback was seen to do."""
    callbacks, rates = failed.training.callbacks, failed.record.curve.learning_rate
    if callbacks is not None and name in callbacks.rate_setters and rates:
        first, last = number(rates[0]), number(rates[-1])
        to = f" to {last}" if first == last else f", from {first} to {last}"
        return f"{name} sets the learning rate{to}"
    return f"{name} undoes or hinders what the steps learn"


CAUSE = Cause(
    code="harmful-callback",
    steps=(Step(place=Place.CALLBACKS, repairs=_left_out),),
)
