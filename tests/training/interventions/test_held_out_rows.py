"""Rows drawn at random before some of them are held out."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.data.batches import Chunk
from pytest_converge.training.interventions.held_out_rows import drawn_before_the_split
from tests.training.interventions.trainings import regression
from tests.zoo.trainings import training_of


def chunk(first, rows, columns=4):
    """Rows whose first number tells them from all others."""
    x = np.zeros((rows, columns), "float32")
    x[:, 0] = np.arange(first, first + rows)
    return Chunk((tf.constant(x), tf.constant(x[:, :1])), rows)


@pytest.fixture
def training():
    made = training_of(regression())
    x, y = (np.array(array) for array in made.rows_in_memory.arrays)
    x[:, 0] = np.arange(len(x))
    made.data = made.data.with_arrays((x, x[:, :1].reshape(y.shape)))
    made.held_out = [chunk(len(x), 10), chunk(len(x) + 10, 3)]
    return made


def test_every_row_is_trained_on_or_held_out_beside_its_own_target(training):
    before, held_out = training.rows_in_memory, training.held_out
    change = drawn_before_the_split(before, held_out, 0)
    rows = change.data(before)
    with change.variant(training):
        drawn = training.held_out
    assert training.held_out is held_out
    assert [each.rows for each in drawn] == [10, 3]
    x = np.concatenate([rows.arrays[0], *(each.batch[0] for each in drawn)])[:, 0]
    y = np.concatenate([rows.arrays[1].ravel(), *(np.ravel(each.batch[1]) for each in drawn)])
    assert sorted(x) == list(range(before.rows + 13))
    np.testing.assert_array_equal(x, y)
    assert not np.array_equal(x, np.sort(x))


def test_rows_of_another_kind_are_not_mixed(training):
    rows = training.rows_in_memory
    assert drawn_before_the_split(rows, [chunk(0, 5, columns=3)], 0) is None
    assert drawn_before_the_split(rows, [Chunk((tf.zeros((5, 4)),), 5)], 0) is None
