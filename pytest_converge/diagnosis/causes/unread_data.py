"""The loss does not read all of the data.

The loss is computed without something that it should be learnt from: it takes one row of the batch,
as by `losses[0]`, one column of the targets, or the targets never reach it.

## How it is found

One step is made on the first batch. Four parts of its rows are exchanged for others of the batch,
one after the other: a part without influence leaves the loss as it is, to the last digit. The rows
of each column of targets are exchanged in the same way, as a loss may take one column of several.
Targets that no operation on the way to the loss reads are seen without that, and so is any part of
a batch of which only your own step knows what it is, as one of a triplet. Where a layer is given
another part of its shape twice, also an input of a model that `fit` trains, it is put in its place
there, and the training is repeated.

An input of `fit` that the model does not read is a hint at a slip in your own code, which is looked
for before any rate (see [how it diagnoses](../how-it-diagnoses.md)); where nothing else explains
the failure, it is said too: a layer that is given one of its branches alone, or the same thing
twice.

Targets with one value in all rows are there because `fit` asks for some, and do not count.

A step of your own may return another loss than it differentiates: then the gradient that reaches
its optimizer is looked at as well. Where rows have no influence on it, or the returned loss reads
columns that the gradient does not, the training is repeated with updates by the loss that is
returned. It is the cause if every gate then passes on three seeds.

Predictions less themselves are 0, and nothing is learnt. Of a vector less its own transpose, which
is the vector itself, the differences of all pairs are taken in its place, as by `v - v[:, None]`.

Sample weights of two values, one of them 0, may be the wrong way round: where a fifth of the rows
or more have weight 0, and nothing predicts the targets of the others from their inputs, the two are
exchanged, and the training is repeated.

A part of a batch that nothing reads, as the weight of a row or the end of a game, is handed to a
call of your own step, or taken as a factor of what has its rows: see [how it
diagnoses](../how-it-diagnoses.md).

Else nothing is repaired: only you know what the loss is meant to be. So it is said where no repair
of another cause made the test pass. Rows of sample weight 0 have no influence by right.

## A test that shows it

```python
import keras
import numpy as np
import tensorflow as tf

x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
y = np.sign(x[:, :1] * x[:, 1:2])


def first_row(y_true, y_pred):
    return tf.square(y_true - y_pred)[0]


def classifier(loss):
    parts = [keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *parts])
    model.compile(keras.optimizers.Adam(0.03), loss)
    return model


def test_one_row(converge):
    converge.fit(lambda: classifier(first_row), x, y, batch_size=64, steps=100, max_loss=1e-5)
```

## Repair

```python
def test_all_rows(converge):
    converge.fit(lambda: classifier("mse"), x, y, batch_size=64, steps=300, max_loss=0.3)
```
"""

import dataclasses
from collections.abc import Iterable, Iterator

from pytest_converge.core.numbers import listed
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.code_search import slips
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import class_weights, trainable
from pytest_converge.training.interventions.all_pairs import all_pairs
from pytest_converge.training.interventions.mapped_lines import called_by_the_step
from pytest_converge.training.interventions.read_instead import read_instead
from pytest_converge.training.measures.cancelled import Cancelled
from pytest_converge.training.measures.influence import (
    IdleColumns,
    IdleRows,
    idle_columns,
    idle_rows,
)

__all__ = ["CAUSE", "inputs_left_unread"]


def _idle(failed: FailedTraining) -> IdleRows | None:
    if failed.training.data is None:
        return None
    failed.reruns.put_back()
    return idle_rows(failed.reruns.loop)


def _idle_columns(failed: FailedTraining) -> IdleColumns | None:
    if failed.training.data is None:
        return None
    failed.reruns.put_back()
    return idle_columns(failed.reruns.loop)


def _says_of(columns: IdleColumns) -> str:
    named = listed(columns.names)
    if columns.learnt:
        reach = "reaches" if len(columns.names) == 1 else "reach"
        return f"{named} {reach} the loss, and not the gradient that is applied"
    return f"the loss does not read {named}: any other values give the same loss"


def _says(idle: IdleRows) -> str:
    rows = f"rows {idle.first} to {idle.last} of the {idle.rows} of a batch"
    on = "the gradient that is applied" if idle.learnt else "its loss"
    return f"{rows} have no influence on {on}"


def _all_pairs(failed: FailedTraining) -> Repairs:
    """The differences of all pairs, where a vector less its own transpose is 0."""
    found = failed.evidence.computation.cancelled
    change = None if found is None else all_pairs(failed.training, found)
    if found is not None and change is not None:
        yield dataclasses.replace(change, fault=_says_cancelled(found))


def _read_instead(failed: FailedTraining) -> Repairs:
    """A part of a batch that nothing reads where a layer is given another one twice."""
    found, training = failed.evidence.computation.twice, failed.training
    if found is not None:
        yield read_instead(training, found)


def _says_cancelled(found: Cancelled) -> str:
    seen = f"predictions of shape {found.shape} less themselves are 0 whatever the weights"
    if found.transposed == ():
        return seen
    return f"{seen}: the transpose of a vector is the vector itself"


def _cancelled_seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough, or nothing is transposed, and no slope is left."""
    found = failed.evidence.computation.cancelled
    if found is None or not failed.evidence.no_gradient:
        return None
    change = all_pairs(failed.training, found)
    fix = "" if change is None else change.fix
    return Answer(cause=CAUSE.code, message=_says_cancelled(found), fix=fix)


def _returned_loss(failed: FailedTraining) -> Repairs:
    """Updates by the loss that a step returns, where it learns from less than that reads."""
    training = failed.training
    if not training.own_step or not training.optimizer_is_ours:
        return
    if not failed.evidence.computation.other_loss:
        return  # they would be the same updates
    idle = _idle(failed)
    fault = _says(idle) if idle is not None and idle.learnt else ""
    if not fault:
        columns = _idle_columns(failed)
        fault = _says_of(columns) if columns is not None and columns.learnt else ""
    if fault:
        yield dataclasses.replace(trainable.by_the_loss_returned(training), fault=fault)


def _turned_round(failed: FailedTraining) -> Repairs:
    """Weights the other way round, where the rows that they let in say nothing of their targets."""
    rows = failed.reruns.rows
    change = None if rows is None else class_weights.turned_round(rows)
    signal = None if change is None else failed.signal
    if change is not None and signal is not None and signal.none:
        yield change


def _rows(failed: FailedTraining) -> Answer | None:
    """Rows of the batch without influence on its loss, or on what is learnt of it."""
    idle = _idle(failed)
    return None if idle is None else Answer(cause=CAUSE.code, message=_says(idle))


def _columns(failed: FailedTraining) -> Answer | None:
    """Columns that do not reach the loss, or what is learnt, where others do."""
    columns = _idle_columns(failed)
    if columns is None or not (failed.reruns.roles or columns.learnt):
        return None
    return Answer(cause=CAUSE.code, message=_says_of(columns), where=columns.names)


def inputs_left_unread(failed: FailedTraining) -> tuple[str, ...]:
    """The inputs of `fit` that nothing reads, by name, where the model reads others."""
    seen = failed.evidence.computation.unread if failed.reruns.roles else ()
    return tuple(name for name in _that_differ(failed, seen) if name[0] == "x")


def _edited(failed: FailedTraining) -> Repairs:
    """The user's code with one slip turned round, where it leaves an input unread."""
    return slips(failed, CAUSE.code) if inputs_left_unread(failed) else ()


def _unread(failed: FailedTraining) -> Answer | None:
    """Targets that do not reach the loss; of parts without a role, whichever does not."""
    roles = failed.reruns.roles
    twice = failed.evidence.computation.twice
    where = tuple(
        name
        for name in _that_differ(failed, failed.evidence.computation.unread)
        if not roles or name[0] == "y" or (twice is not None and name == twice.unread)
    )
    if not where:
        return None
    if not roles:
        where = tuple(called_by_the_step(failed.training, name) for name in where)
    message = f"the loss does not read {listed(where)}: any other values give the same loss"
    return Answer(cause=CAUSE.code, message=message, where=where)


def _inputs_that_tell(failed: FailedTraining) -> Answer | None:
    """Inputs that the model does not read, where inputs are known to say something of targets."""
    signal = failed.signal
    return _inputs(failed) if signal is not None and signal.some else None


def _inputs(failed: FailedTraining) -> Answer | None:
    """Inputs that the model does not read, some of which may be there for nobody."""
    where = inputs_left_unread(failed)
    if not where:
        return None
    message = f"the model does not read {listed(where)}: any other values give the same loss"
    return Answer(cause=CAUSE.code, message=message, where=where)


def _that_differ(failed: FailedTraining, names: Iterable[str]) -> Iterator[str]:
    """The names of arrays without those of one value, which are there because `fit` asks."""
    rows = failed.reruns.rows_of_any_kind
    arrays = {} if rows is None else dict(batch_leaves(rows.arrays))
    for name in names:
        if name not in arrays or arrays[name].min() != arrays[name].max():
            yield name


CAUSE = Cause(
    code="unread-data",
    steps=(
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_all_pairs),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_read_instead),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_returned_loss),
        Step(place=Place.OUTPUT_AND_LOSS, repairs=_edited),
        Step(place=Place.WEIGHTS, repairs=_turned_round),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_cancelled_seen),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_rows),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_columns),
        Step(place=Place.UNREAD_TARGETS, answer=_unread),
        Step(place=Place.UNREAD_TARGETS, answer=_inputs_that_tell),
        Step(place=Place.UNREAD_INPUTS, answer=_inputs),
    ),
)
