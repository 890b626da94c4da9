"""Steps are averaged over longer than the training.

Momentum averages the steps over about 1 / (1 - momentum) of them: 10 at 0.9, 1,000 at 0.999. If
the training is shorter than that, or the rate large for it, the weights swing past the minimum
and back, and the loss with them.

## How it is found

A momentum above 0.95, or Adam's `beta_1`, is set to 0.9, everything else stays, and the training is
repeated from the same start. It is the cause if every gate then passes on three seeds. 0.9 suits
most trainings (Sutskever et al. 2013, *On the importance of initialization and momentum in deep
learning*).

An optimizer with `use_ema=True` averages the weights too, by `ema_momentum`, and puts the average
in their place at the end, or every `ema_overwrite_frequency` steps: over more steps than there are,
that is the start. The training is repeated without it.

The loss curve shows slow waves over many steps. With a rate too high without momentum it jumps
from step to step.

## A test that shows it

```python
import tensorflow as tf
from keras.optimizers import SGD


def bowl(converge, momentum):
    w = tf.Variable([3.0, -2.0])
    optimizer = SGD(0.05, momentum=momentum)
    converge.minimize(lambda: tf.reduce_sum(w**2), [w], optimizer, steps=150, max_loss=0.01)


def test_descent(converge):
    bowl(converge, 0.999)
```

## Repair

```python
def test_calmer_descent(converge):
    bowl(converge, 0.9)
```
"""

from collections.abc import Iterable

from pytest_converge.diagnosis.cause import Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.training.interventions import optimizers

#: A momentum from which the average over steps is longer than most short trainings.
HIGH = 0.95


def _repairs(failed: FailedTraining) -> Repairs:
    if failed.takes_optimizer and optimizers.is_keras(failed.training):
        for name in ("momentum", "beta_1"):
            value = optimizers.setting(failed.training, name)
            if isinstance(value, (int, float)) and value > HIGH:
                yield optimizers.less_momentum(failed.training, name)
        if optimizers.setting(failed.training, "use_ema"):
            yield optimizers.unaveraged(failed.training)


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    return [[change] for change in _repairs(failed)]


CAUSE = Cause(
    code="momentum-too-high",
    usual=_usual,
    steps=(Step(place=Place.MOMENTUM, repairs=_repairs),),
)
