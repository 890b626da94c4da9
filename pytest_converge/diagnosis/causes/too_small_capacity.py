"""The model cannot express what it should learn.

The model cannot express what it is asked to learn: too few units, or none between input and
output. The loss falls to a floor above the target and stays there, whatever the rate.

## How it is found

The hidden layers and embeddings are made eight times as wide, with at least 32 units, filters or
numbers (an embedding of one number beside wider ones is a bias, and stays); a model without any
activation up to its output gets a hidden layer of 64 units there, however wide it is. The training
is repeated with the larger model. It is the
cause if every gate then passes on three seeds, and if neither other rates nor more steps did: these
are tried first. It needs a sequential or functional model that Keras can rebuild from its layers,
or a function that builds the model: that is called again, and what it makes before the first call
is made wider. For others the report says that a wider model could not be tried.

Before them comes the hidden layer of a linear model whose loss came to rest while nearest
neighbours, or a fit with products of columns, predict the targets better on rows held out; or which
stands at the loss of the best constant, by steps that are long enough. Hidden layers that it has,
without activations, get rectifiers.

A model that gives the same for the steps of a series in any order, as attention without positions
under a mean, cannot learn targets that depend on it: predictors that see each step in its place
have more skill than those that see means, deviations and extremes; of at most 64 kinds of tokens,
those that see where each kind is in the mean have more than those that count them. Sines and
cosines of the place are added to the features, or behind the embedding of the tokens (Vaswani et
al. 2017); where that is not enough, it is said.

Of stacked convolutions without strides, whose output has a place for each of the input, an output
sees a few places around its own: three kernels of 2 see four steps. Where that is less than there
are, the kernels are made so wide that every output sees all, then dilated (van den Oord et al.
2016), as far as that takes no more than 16 times as many weights: at once where the run came to
rest, or is no better than the best constant, else before the wider layers.

Values that a `Hashing` layer puts into one bin are one value to what is behind it. Where more than
half of the distinct values of an input share theirs, it gets 50 bins for each value, and the
embedding or encoding behind it takes as many: at once where the run came to rest or stands at the
best constant, else before the wider layers.

A convolution that steps farther than its kernel is wide, as `Conv2D(32, 1, strides=4)`, reads one
place of sixteen: its kernel is made as wide as its steps. A pooling over all places forgets where
something is: where a run learnt nothing, `Flatten` takes its place.

As of more steps, a larger model that only learns its rows by heart, and does worse on rows held
out, is no proof; see [too-few-steps](too-few-steps.md).

A wider network is a remedy for other faults too, since it trains more easily. If a narrow one
should suffice, try several starts (`seeds=3`) first.

## A test that shows it

```python
import keras
import numpy as np

x = np.random.default_rng(0).uniform(-2, 2, (512, 2))
y = (np.hypot(x[:, 0], x[:, 1]) < 1.2).astype("float32")  # inside a circle


def network(units):
    hidden = keras.layers.Dense(units, "relu")
    model = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    return model


def test_one_unit(converge):
    converge.fit(network(1), x, y, steps=400, max_loss=0.25)
```

## Repair

```python
def test_many_units(converge):
    converge.fit(network(32), x, y, steps=400, max_loss=0.25)
```
"""

import math
from collections.abc import Sequence
from typing import Any

from pytest_converge.diagnosis.by_heart import unless_by_heart
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.evidence import FAR_TOO_SHORT, early_gauge
from pytest_converge.diagnosis.skill import BY_CHANCE, learnt_nothing
from pytest_converge.training.interventions import (
    hidden,
    more_bins,
    positions,
    whole_pictures,
    wider_view,
    width,
)
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.order_of_steps import order_is_missed
from pytest_converge.training.model.structure import hidden_layers
from pytest_converge.training.training import Training

__all__ = ["CAUSE", "came_to_rest", "larger"]

#: A course rests where its second half brought at most this share of its fall: exponential decay
#: that has three time constants behind it by then.
AT_REST = 0.05
#: Fewer points are no course.
FEWEST_POINTS = 8
#: What is wrong where steps need their places.
MISSES_ORDER = (
    "the model gives the same whatever the order of the steps, on which the targets depend"
)


def _repairs(failed: FailedTraining) -> Repairs:
    return larger(failed.training) if failed.takes_optimizer else ()


def _deeper(failed: FailedTraining) -> Repairs:
    """Hidden layers that are not linear where a linear model rests above what others predict.

    Steps that are too short go on falling, and those that are too long do not rest.
    """
    training, record = failed.training, failed.record
    deeper = width.deeper(training.model) if training.model is not None else None
    if deeper is None or not failed.takes_optimizer or failed.evidence.unstable:
        return
    signal = failed.signal
    if not _learns_no_more(failed):
        return
    if signal is not None and record.skill is not None and signal.skill > record.skill + BY_CHANCE:
        yield _bent(training, deeper)


def _bent(training: Training, deeper: Intervention) -> Intervention:
    """The hidden layers of a linear model with rectifiers; where it has none, one more."""
    layers = hidden_layers(training.model)
    return hidden.rectified(layers, CAUSE.code) if layers else deeper


def _wider_view(failed: FailedTraining) -> Repairs:
    """Convolutions that see all, as far as a model is made of such as keep every place."""
    model = failed.training.model
    if not _can_be_cloned(model) or not failed.takes_optimizer:
        return []
    return wider_view.wider_view(model)


def _wider_view_at_rest(failed: FailedTraining) -> Repairs:
    """The same before any rate, where a run rests, or learnt no more than chance makes.

    By steps that are long enough even noise is learnt, a little: that is no course to go on with.
    """
    changes = [] if failed.evidence.unstable else list(_wider_view(failed))
    if not changes or _learns_no_more(failed):
        return changes
    long_enough = (
        learnt_nothing(failed) and early_gauge(failed.reruns, failed.trials.guard) < FAR_TOO_SHORT
    )
    return changes if long_enough else []


def _more_bins(failed: FailedTraining) -> Repairs:
    """A hash that leaves values their own bins, as far as inputs lie in memory."""
    model, rows = failed.training.model, failed.reruns.rows
    if not _can_be_cloned(model) or not failed.takes_optimizer or rows is None:
        return ()
    return more_bins.more_bins(model, rows)


def _more_bins_at_rest(failed: FailedTraining) -> Repairs:
    """The same before any rate, where a run rests: fewer bins are no fault where they suffice."""
    return _more_bins(failed) if _learns_no_more(failed) else ()


def _covering(failed: FailedTraining) -> Repairs:
    """Convolutions that read what they step over."""
    model = failed.training.model
    change = None
    if _can_be_cloned(model) and failed.takes_optimizer:
        change = whole_pictures.covering(model)
    return () if change is None else (change,)


def _places_kept(failed: FailedTraining) -> Repairs:
    """Every place by itself, where all are pooled and nothing was learnt."""
    model = failed.training.model
    nothing = learnt_nothing(failed) and not failed.evidence.unstable
    change = None
    if nothing and _can_be_cloned(model) and failed.takes_optimizer:
        change = whole_pictures.places_kept(model)
    return () if change is None else (change,)


def _can_be_cloned(model: Any) -> bool:
    return type(model).__name__ in ("Sequential", "Functional")


def _learns_no_more(failed: FailedTraining) -> bool:
    """Whether the loss came to rest, or never left that of the best constant."""
    return came_to_rest(failed.record.curve.trend[1]) or _stands_at_the_constant(failed)


def _places(failed: FailedTraining) -> Repairs:
    """Steps that know their place, where the model cannot tell one order of them from another."""
    failed.reruns.put_back()
    training, guard = failed.training, failed.trials.guard
    if guard.measured("the order of steps", lambda: order_is_missed(training)):
        placed = positions.behind_the_embedding(training, CAUSE.code, MISSES_ORDER)
        yield placed or positions.with_places(CAUSE.code, MISSES_ORDER)


def _order_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was tried and not enough."""
    tried = failed.trials.changes.values()
    if not any(change.fault == MISSES_ORDER for change in tried):
        return None
    return Answer(cause=CAUSE.code, message=MISSES_ORDER, where=("x",))


def _stands_at_the_constant(failed: FailedTraining) -> bool:
    """Whether the second half of a run stood at the best constant, by steps that are long enough.

    That is where a linear model has its minimum, where no linear relation is there to be learnt.
    """
    record, constant = failed.record, failed.record.constant_loss
    if constant is None or not constant > 0:
        return False
    course = record.curve.trend[1]
    losses = [record.curve.last, *course[len(course) // 2 :]]
    if not all(abs(loss - constant) <= AT_REST * constant for loss in losses):
        return False
    return early_gauge(failed.reruns, failed.trials.guard) < FAR_TOO_SHORT


def came_to_rest(losses: Sequence[float]) -> bool:
    """Whether the second half of a course brought next to nothing of what all of it did."""
    if len(losses) < FEWEST_POINTS or not all(map(math.isfinite, losses)):
        return False
    fall = losses[0] - min(losses)
    return fall > 0 and losses[len(losses) // 2] - min(losses) <= AT_REST * fall


def larger(training: Training) -> list[Intervention]:
    """A deeper and a wider model, as far as there is a model that can be rebuilt so.

    What is linear up to its output is deepened first: there more units say nothing else.
    """
    if training.model is None:
        return []
    deeper = width.deeper(training.model)
    every = (
        None if deeper is None else _bent(training, deeper),
        width.wider(training.model),
        width.built_wider(training),
    )
    return [change for change in every if change is not None]


CAUSE = Cause(
    code="too-small-capacity",
    sentence="the model is too small; it converges with {change}",
    steps=(
        Step(place=Place.LINEAR_MODEL, repairs=_deeper),
        Step(place=Place.LINEAR_MODEL, repairs=_places),
        Step(place=Place.LINEAR_MODEL, repairs=_covering),
        Step(place=Place.LINEAR_MODEL, repairs=_places_kept),
        Step(place=Place.LINEAR_MODEL, repairs=_wider_view_at_rest),
        Step(place=Place.LINEAR_MODEL, repairs=_more_bins_at_rest),
        Step(place=Place.CAPACITY, repairs=_more_bins),
        Step(place=Place.CAPACITY, repairs=_wider_view),
        Step(place=Place.CAPACITY, repairs=_repairs),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_order_seen),
    ),
    refined=unless_by_heart,
)
