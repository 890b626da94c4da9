"""A layer of normalisation has nothing to normalise by.

A layer of batch normalisation takes mean and variance of a channel over one value, and puts out its
offset whatever comes in: batches of one row before anything with pixels or steps. Or a step of your
own calls the model without `training=True`: then the layer uses its moving averages, which nothing
ever updates. Or a layer that normalises each row by itself does so over one value, as
`LayerNormalization()` on series of shape (steps, 1): its last axis has no other. Or an average over
the very places follows that it gave the mean 0, as global pooling behind
`GroupNormalization(groups=-1)`.

## How it is found

One step is made on the first batch and looked at: how many values of a channel or of a row such a
layer is given, and in which mode. Then batches of 16 rows are drawn, the layers called in training
mode, or those that normalise each row left out, and the training is repeated from the same start.
It is the cause if every gate passes on three seeds; of a batch of one row also where that is not
enough.

Larger batches show more rows in as many steps. That alone would be named
[too-few-steps](too-few-steps.md); here no number of steps helps, as the layer hands on nothing.

## A test that shows it

```python
import keras
import numpy as np
from keras import layers

x = np.random.default_rng(0).normal(size=(256, 4))
y = (x.sum(axis=1) > 0).astype("float32")


def classifier():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(16),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    return model


def test_row_by_row(converge):
    converge.fit(classifier, x, y, batch_size=1, steps=200, max_loss=0.3)
```

## Repair

```python
def test_batches(converge):
    converge.fit(classifier, x, y, batch_size=16, steps=200, max_loss=0.3)
```

Layers that normalise each row by itself, as `LayerNormalization`, do without larger batches.
"""

import dataclasses

from pytest_converge.core.numbers import listed
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.training.interventions import batch_statistics


def _repairs(failed: FailedTraining) -> Repairs:
    """Larger batches for layers on one value a channel, training mode for those in inference.

    Layers that normalise one value of each row are left out.
    """
    alone, training = _alone(failed), failed.training
    unused = tuple(
        each.layer for each in failed.evidence.computation.normalisations if not each.in_training
    )
    if alone and failed.reruns.rows_of_any_kind is not None:
        yield dataclasses.replace(batch_statistics.larger_batches(alone), fault=_says(alone))
    by_row = _by_row(failed)
    if by_row:
        change = batch_statistics.left_out(training, by_row)
        yield dataclasses.replace(change, fault=_says_by_row(failed, by_row))
    if unused:
        change = batch_statistics.in_training_mode(training, unused)
        fault = f"{listed(unused)} is called in inference mode: its averages never move"
        yield dataclasses.replace(change, fault=fault)


def _seen(failed: FailedTraining) -> Answer | None:
    """Layers on one value, where nothing was proven."""
    alone, by_row = _alone(failed), _by_row(failed)
    if alone:
        return Answer(cause=CAUSE.code, where=alone, message=_says(alone))
    if by_row:
        return Answer(cause=CAUSE.code, where=by_row, message=_says_by_row(failed, by_row))
    return None


def _alone(failed: FailedTraining) -> tuple[str, ...]:
    seen = failed.evidence.computation.normalisations
    return tuple(each.layer for each in seen if each.in_training and not each.by_row)


def _by_row(failed: FailedTraining) -> tuple[str, ...]:
    """Those that normalise one value of each row; what puts out one is no head at all."""
    seen, model = failed.evidence.computation.normalisations, failed.training.model
    last = [] if model is None else [layer.name for layer in model.layers[-1:]]
    return tuple(each.layer for each in seen if each.by_row and each.layer not in last)


def _says(where: tuple[str, ...]) -> str:
    return f"{listed(where)} normalises one value a channel: it puts out the same for every row"


def _says_by_row(failed: FailedTraining, where: tuple[str, ...]) -> str:
    seen = failed.evidence.computation.normalisations
    averaged = [each.averaged for each in seen if each.layer in where and each.averaged]
    if averaged:
        return (
            f"{listed(where)} gives each row the mean 0 over the very places that {averaged[0]}"
            " averages: it puts out the same for every row"
        )
    return f"{listed(where)} normalises one value by itself: it puts out the same for every row"


CAUSE = Cause(
    code="batch-normalisation",
    usual=lambda failed: [_repairs(failed)],
    steps=(
        Step(place=Place.BATCH_STATISTICS, repairs=_repairs),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_seen),
    ),
)
