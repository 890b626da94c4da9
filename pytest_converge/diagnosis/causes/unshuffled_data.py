"""The rows come in an order that batches cannot learn from.

The rows come in an order, by class, by date, by source, and the training takes them in that order.
Each batch pulls the model towards its own part of the data and the next one pulls it back.

## How it is found

Where the rows come in a fixed order (`shuffle=False`, or a dataset that does not shuffle), they
are drawn at random over all batches, and the training is repeated from the same start. It is the
cause if every gate then passes on three seeds. Random order as a rule: Bengio 2012, *Practical
recommendations for gradient-based training of deep architectures*.

A shuffle with a buffer much smaller than the data does not mix data sorted by class either.

`validation_split` holds the last rows out, before any shuffling: of rows sorted by class it takes a
class that the training never sees. So where metrics of held-out rows are all that is missed, all
rows are drawn at random first, and as many of them held out.

Not applicable to `converge.minimize`, whose loss holds its data inside, nor to generators whose
rows cannot be reordered; the report section then says so.

`preprocessing.check` fails, without training, where the class changes from row to row less than a
quarter as often as in random order, or 98 % of the steps between neighbouring targets go the same
way.

## A test that shows it

```python
import keras
import numpy as np

rng = np.random.default_rng(0)
y = np.repeat([0, 1, 2, 3], 128)  # one class after the other
x = rng.normal(size=(512, 8)) + np.eye(8)[y]


def classifier():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "softmax")])
    model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
    return model


def test_in_order(converge):
    converge.fit(classifier, x, y, shuffle=False, steps=128, max_loss=1.1)
```

## Repair

`shuffle=True` is the default for arrays. For a dataset:
`dataset.shuffle(number_of_rows).batch(batch_size)`, with a buffer as large as the data where
memory allows.

```python
def test_mixed(converge):
    converge.fit(classifier, x, y, shuffle=True, steps=128, max_loss=1.1)
```
"""

from collections.abc import Iterable

from pytest_converge.checks.metrics import metrics_missed
from pytest_converge.columns.row_order import comes_in_runs
from pytest_converge.diagnosis.cause import Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.trials import only_metrics_missed
from pytest_converge.training.data.held_out import PREFIX as HELD_OUT
from pytest_converge.training.interventions import rows
from pytest_converge.training.interventions.held_out_rows import drawn_before_the_split
from pytest_converge.training.interventions.labels import counted_targets

__all__ = ["CAUSE", "comes_sorted"]


def _repairs(failed: FailedTraining) -> Repairs:
    data = failed.reruns.rows_of_any_kind
    if data is not None and not data.shuffles:
        sizes = (data.epoch_rows, data.batch_size)
        yield rows.shuffled(0, from_dataset=data.from_source, sizes=sizes)


def comes_sorted(failed: FailedTraining) -> bool:
    """Whether the targets show that rows come in an order of their own."""
    data = failed.reruns.rows
    if data is None or data.shuffles:
        return False
    found = counted_targets(data.arrays).values()
    return any(comes_in_runs(array[: data.epoch_rows], data.batch_size) for array in found)


def _held_out(failed: FailedTraining) -> Repairs:
    """Rows drawn before the split, where metrics of the rows held out are all that is missed."""
    data, held_out = failed.reruns.rows, failed.training.held_out
    if data is None or data.from_source or not held_out:
        return
    expectation = failed.trials.expectation
    missed = metrics_missed(failed.record, expectation)
    alone = only_metrics_missed(failed.record, expectation)
    if alone and all(name.startswith(HELD_OUT) for name in missed):
        change = drawn_before_the_split(data, held_out, 0)
        if change is not None:
            yield change


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    return [_repairs(failed)]


CAUSE = Cause(
    code="unshuffled-data",
    sentence="the rows come in an order that batches cannot learn from",
    usual=_usual,
    steps=(
        Step(place=Place.ORDER_OF_ROWS, repairs=_repairs),
        Step(place=Place.ORDER_OF_ROWS, repairs=_held_out),
    ),
)
