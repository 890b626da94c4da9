"""Rows in an order that batches cannot learn from."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes.unshuffled_data import CAUSE
from tests.diagnosis.programs import distance, failed_of
from tests.zoo.problems import fit, linear, sequential


def in_order(**options):
    x, y = linear(0)
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse")
    return fit(model, x[np.argsort(y[:, 0])], np.sort(y, axis=0), **options)


@pytest.mark.parametrize(
    ("start", "changes"),
    [
        (lambda: in_order(shuffle=False), 1),
        (in_order, 0),
        (lambda: distance(optimizers.SGD(0.1)), 0),
    ],
    ids=["in order", "shuffled", "no rows"],
)
def test_rows_are_shuffled_where_nobody_does(start, changes):
    (step,) = CAUSE.steps
    assert len(list(step.repairs(failed_of(start(), steps=5, max_loss=1e-9)))) == changes


def test_the_buffer_of_a_dataset_holds_all_of_its_rows():
    """`len(dataset)` counts batches: a buffer of so many rows would mix next to nothing."""
    arrays = in_order().arguments
    dataset = tf.data.Dataset.from_tensor_slices((arrays["x"], arrays["y"])).batch(16)
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse")
    (step,) = CAUSE.steps
    failed = failed_of(fit(model, dataset, None), steps=40, max_loss=1e-9)
    (change,) = step.repairs(failed)
    assert change.fix == "dataset = dataset.unbatch().shuffle(256).batch(16)"
    known = {"dataset": dataset}
    exec(change.fix, known)  # noqa: S102 - it is to be pasted
    first = next(iter(known["dataset"]))[1].numpy()
    assert np.std(first) > 3 * np.std(next(iter(dataset))[1].numpy())
