"""The data hold a NaN or an infinity.

A column of the inputs, the targets or the sample weights holds a NaN or an infinity.

It is a gate and a cause at once. As a **gate** it turns the test red even if the loss looks
healthy: a fused dense layer with ReLU can turn NaN into 0, so that the loss falls while most
weights are NaN. Where NaN is a mask that your loss knows, say `ignore=("nonfinite-data",)`.

## How it is found

All arrays in memory are looked through; no threshold. The message names the first column and row
and the number of values; the report section lists the rest. Data that come from a `tf.data`
pipeline or a generator are not looked through; their NaN shows as
[nonfinite-loss](nonfinite-loss.md) or [nonfinite-weights](nonfinite-weights.md).

The diagnosis leaves out the rows concerned and repeats the training from the same start; a column
that is not finite in more than half of the rows, as one divided by its spread of 0, is left out
instead. The repair is verified if every gate then passes on three seeds. It is the cause in any
case, as no other change helps; also where no rows can be left out, as from the constants of a loss
in `converge.minimize`. Of those that a mask leaves out, since whatever stands there leaves the loss
and its gradients as they are, NaN and infinity become 0: NaN times 0 is NaN. So do those of an
array that a model or a layer of yours holds, as the inverse degrees of a graph some of whose nodes
have no neighbours.

`preprocessing.check` finds it without training, in tables too, where `None` counts as missing. It
also reports numbers that are infinite in float32, in which networks calculate.

## A test that shows it

```python
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(256, 4))
y = x @ [1.0, 2.0, -1.0, 0.5]
x[17, 2] = np.nan


def linear():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def test_linear(converge):
    converge.fit(linear, x, y, max_loss=0.01)
```

## Repair

Find out where the values come from: a division, a logarithm, a column missing in one file. Then
leave the rows out, or fill in what is missing.

```python
def test_whole_rows(converge):
    keep = np.isfinite(x).all(axis=1)
    converge.fit(linear, x[keep], y[keep], max_loss=0.01)
```
"""

import functools
from collections.abc import Iterable

from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import held_arrays, rows
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.mapped_lines import name_of_dataset


def _seen(failed: FailedTraining) -> Answer | None:
    """The cause by itself, where the rows could not be left out, or something else is amiss too."""
    return Answer(cause=CAUSE.code, where=_where(failed)) if nothing_else_helps(failed) else None


def nothing_else_helps(failed: FailedTraining) -> bool:
    """True where the data is not finite, and no mask that the loss knows takes care of it."""
    return bool(_where(failed)) and CAUSE.code not in failed.trials.expectation.ignore


def _where(failed: FailedTraining) -> tuple[str, ...]:
    return tuple(item.name for item in failed.record.nonfinite if item.what == "data")


def _repairs(failed: FailedTraining) -> Repairs:
    where, data = _where(failed), failed.reruns.rows_of_any_kind
    if where and data is not None:
        columns = rows.unusable_columns(data)
        arrays = [name for name, _ in batch_leaves(data.arrays)]
        if columns:
            yield rows.without_unusable_columns(where, columns, arrays)
        else:
            change = rows.without_nonfinite(where, arrays)
            source = failed.training.data
            if source is not None and source.of_dataset:
                held = name_of_dataset(failed.training)
                change = rows.finite_in_dataset(change, arrays, held, data.batch_size)
            yield change


def _held(failed: FailedTraining) -> Repairs:
    """What a loss holds filled up where a mask leaves it out, and what a model or a layer holds."""
    if not failed.record.nonfinite:
        return
    training, guard = failed.training, failed.trials.guard
    failed.reruns.put_back()
    for masked, find in ((True, held_arrays.masked), (False, held_arrays.of_models)):
        look = functools.partial(find, training)
        fill = functools.partial(held_arrays.filled, masked=masked)
        found = guard.tried("arrays that are held", look) or ()
        if found:
            yield functools.reduce(Intervention.combined, map(fill, found))
            return


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    return [_repairs(failed)]


CAUSE = Cause(
    code="nonfinite-data",
    sentence="{where} holds values that are not finite",
    usual=_usual,
    steps=(
        Step(place=Place.NOT_FINITE, repairs=_repairs),
        Step(place=Place.NOT_FINITE, repairs=_held),
        Step(place=Place.NOT_FINITE_SEEN, answer=_seen),
    ),
)
