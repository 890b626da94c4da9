"""Targets in the shape of the predictions."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.interventions import target_shape
from tests.training.interventions.trainings import regression
from tests.training.measures.steps import own_step
from tests.zoo.trainings import training_of


@pytest.mark.parametrize(
    ("column", "change", "fix"),
    [
        (True, "y of shape (n, 1)", "y = y[:, None]"),
        (False, "y of shape (n,)", "y = y[:, 0]"),
    ],
)
def test_an_array_gets_one_axis_more_or_less(column, change, fix):
    training = training_of(regression())
    rows = training.rows_in_memory
    x, y = rows.arrays
    flat = y.reshape(-1) if column else y.reshape(-1, 1)
    changed = target_shape.as_predicted(training, "y", column=column)
    other = changed.data(rows.with_arrays((x, flat))).arrays
    assert other[0] is x
    assert other[1].shape == ((len(x), 1) if column else (len(x),))
    assert (changed.change, changed.fix, changed.where) == (change, fix, ("y",))


@pytest.mark.parametrize(
    ("change", "rows", "fix"),
    [
        (target_shape.flags, [[1, 1, 0], [0, 0, 0]], 'y = (y > np.arange(3)).astype("float32")'),
        (target_shape.one_hot, [[0, 0, 1], [1, 0, 0]], 'y = (y == np.arange(3)).astype("float32")'),
    ],
    ids=["flags", "one-hot"],
)
def test_a_column_of_grades_becomes_a_column_an_output(change, rows, fix):
    training = training_of(regression())
    data = training.rows_in_memory
    grades = np.array([[2], [0]])
    found = change(training, "y", 3)
    changed = found.data(data.with_arrays((data.arrays[0], grades)))
    np.testing.assert_array_equal(changed.arrays[1], rows)
    np.testing.assert_array_equal(found.data(changed).arrays[1], rows)
    pasted = {"y": grades, "np": np}
    exec(found.fix, pasted)  # noqa: S102 - that it can be pasted is the point
    np.testing.assert_array_equal(pasted["y"], rows)
    assert (found.fix, found.redefines_loss) == (fix, True)


@pytest.mark.parametrize("change", [target_shape.flags, target_shape.one_hot])
def test_batches_of_a_stream_are_changed_alike(change, monkeypatch):
    def same(y, p):
        assert y.shape[-1] == 3
        return tf.reduce_mean((p - y) ** 2)

    training = training_of(own_step(same, shape=(-1, 1)))
    monkeypatch.setattr(type(training), "rows_in_memory", None)
    with change(training, "y", 3).variant(training):
        training.step(training.first_batch())
