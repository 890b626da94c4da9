"""Rows in an order that batches cannot learn from."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes.unshuffled_data import CAUSE, comes_sorted
from tests.diagnosis.programs import distance, failed_of, proven_by_its_own
from tests.zoo.problems import SPARSE, fit, linear, sequential


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
    step = CAUSE.steps[0]
    assert len(list(step.repairs(failed_of(start(), steps=5, max_loss=1e-9)))) == changes


def test_the_buffer_of_a_dataset_holds_all_of_its_rows():
    """`len(dataset)` counts batches: a buffer of so many rows would mix next to nothing."""
    arrays = in_order().arguments
    dataset = tf.data.Dataset.from_tensor_slices((arrays["x"], arrays["y"])).batch(16)
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse")
    step = CAUSE.steps[0]
    failed = failed_of(fit(model, dataset, None), steps=40, max_loss=1e-9)
    (change,) = step.repairs(failed)
    assert change.fix == "dataset = dataset.unbatch().shuffle(256).batch(16)"
    known = {"dataset": dataset}
    exec(change.fix, known)  # noqa: S102 - it is to be pasted
    first = next(iter(known["dataset"]))[1].numpy()
    assert np.std(first) > 3 * np.std(next(iter(dataset))[1].numpy())


def sorted_classes(order):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 60)
    x = (3 * np.eye(3)[y] + rng.normal(0, 0.3, (180, 3))).astype("float32")
    parts = {"optimizer": optimizers.Adam(0.1), "loss": SPARSE, "metrics": ["accuracy"]}
    model = sequential(layers.Dense(3, "softmax"), shape=(3,), **parts)
    return fit(model, x[order], y[order], validation_split=0.4)


def test_a_class_that_only_the_rows_held_out_have_is_drawn_into_both_parts():
    bounds = {"val_accuracy": (0.9, None)}
    start = sorted_classes(np.arange(180))
    found = proven_by_its_own(start, "unshuffled-data", steps=60, metrics=bounds)
    assert [trial.change for trial in found.tried] == [
        "rows drawn at random before they are held out"
    ]


def test_rows_are_not_drawn_anew_where_more_than_a_metric_of_them_is_missed():
    bounds = {"accuracy": (1.1, None), "val_accuracy": (1.1, None)}  # more than all
    failed = failed_of(sorted_classes(np.arange(180)), steps=5, metrics=bounds)
    assert not [change for step in CAUSE.steps for change in step.repairs(failed)]


def of_dataset(order):
    """The rows of the classes from a pipeline."""
    arrays = sorted_classes(order).arguments
    dataset = tf.data.Dataset.from_tensor_slices((arrays["x"], arrays["y"])).batch(12)
    parts = {"optimizer": optimizers.Adam(0.1), "loss": SPARSE}
    return fit(sequential(layers.Dense(3, "softmax"), shape=(3,), **parts), dataset)


MIXED = np.random.default_rng(1).permutation(180)


@pytest.mark.parametrize(
    ("start", "seen"),
    [
        (lambda: in_order(shuffle=False), True),
        (in_order, False),
        (lambda: of_dataset(np.arange(180)), True),
        (lambda: of_dataset(MIXED), False),
        (lambda: distance(optimizers.SGD(0.1)), False),
    ],
    ids=["in order", "shuffled", "pipeline in order", "pipeline in no order", "no rows"],
)
def test_targets_tell_whether_rows_come_sorted(start, seen):
    assert comes_sorted(failed_of(start(), steps=20, max_loss=1e-9)) is seen
