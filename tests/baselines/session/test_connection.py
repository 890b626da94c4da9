"""What of a call has to be the same for a comparison, and which metrics can be compared."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.baselines.session.connection import (
    _limited,
    check_metric,
    is_gated,
    subject_of,
    told_by,
)
from pytest_converge.core.baseline import BaselinePolicy
from pytest_converge.core.calls import FitCall
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from tests.zoo.problems import Start
from tests.zoo.trainings import training_of

DIRECTIONS = {"loss": False, "accuracy": True, "own": None}
ROWS = np.ones((20, 3), "float32"), np.zeros((20, 1), "float32")


def test_the_settings_are_those_of_call_and_training():
    expected = Expectation(seed=3, steps=7, metric="loss")
    call = FitCall(model=None, batch_size=16, shuffle=False)
    made = subject_of("test", 2, expected, call, {"batch_size": 16}, {"rows": 20})
    assert (made.test, made.number, made.metric, made.data) == ("test", 2, "loss", {"rows": 20})
    assert dict(made.settings) == {
        "batch_size": 16,
        "metric": "loss",
        "seed": 3,
        "steps": 7,
        "verb": "fit",
    }


def build(loss="mse", **compiled):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", loss, **compiled)
    return model


def told(loss="mse", source=ROWS, **compiled):
    x, y = source if isinstance(source, tuple) else (source, None)
    start = Start("fit", {"model": lambda: build(loss, **compiled), "x": x, "y": y})
    return told_by(training_of(start, steps=2))


def test_arrays_and_a_dataset_tell_the_batches_that_were_seen():
    settings = {"loss": "mean_squared_error", "reduction": "mean"}
    assert told() == {"batch_size": 20, "shuffle": True, **settings}
    dataset = tf.data.Dataset.from_tensor_slices(ROWS).batch(8)
    assert told(source=dataset) == {"batch_size": 8, **settings}


@pytest.mark.parametrize(
    ("loss", "text", "reduction"),
    [
        ("mse", "mean_squared_error", "mean"),
        (keras.losses.MeanSquaredError(reduction="sum"), "mean_squared_error", "sum"),
        (keras.losses.Huber(), "huber", "mean"),
        (keras.losses.Huber(delta=2.0), "huber(delta=2.0)", "mean"),
        (lambda y, p: keras.ops.mean((y - p) ** 2), "own", "mean"),
        (keras.losses.BinaryCrossentropy(from_logits=True), "binary_crossentropy", "mean"),
        (
            keras.losses.BinaryCrossentropy(label_smoothing=0.1),
            "binary_crossentropy(label_smoothing=0.1)",
            "mean",
        ),
    ],
)
def test_a_loss_is_told_by_what_its_values_are_measured_in(loss, text, reduction):
    found = told(loss)
    assert (found["loss"], found["reduction"]) == (text, reduction)


def test_a_training_without_data_or_model_tells_nothing():
    start = Start("minimize", {"loss": minimised})
    assert told_by(training_of(start, steps=2)) == {}


def minimised():
    w = tf.Variable(1.0)
    return lambda: w**2, [w], keras.optimizers.SGD(0.1)


@pytest.mark.parametrize("metric", [None, "loss", "accuracy"])
def test_a_metric_that_is_measured_can_be_compared(metric):
    check_metric(metric, DIRECTIONS)


@pytest.mark.parametrize(
    ("metric", "pattern"),
    [
        ("acuracy", r"got metric='acuracy'; expected a compiled metric\. Did you mean 'accuracy'"),
        ("val_loss", r"got metric='val_loss'.*validation_data=\(x, y\)"),
        ("own", r"got metric='own'; expected one of which Keras knows whether more is better"),
    ],
)
def test_other_metrics_are_refused(metric, pattern):
    with pytest.raises(InvalidTrainingError, match=pattern):
        check_metric(metric, DIRECTIONS)


POLICY = BaselinePolicy(test_file="test_a.py")


def test_a_test_sets_its_own_limits():
    for given, expected in (
        (True, (0.05, 0.001)),
        ({"tolerance": 0.02}, (0.02, 0.001)),
        ({"tolerance": 0.1, "alpha": 0.01}, (0.1, 0.01)),
    ):
        limited = _limited(POLICY, Expectation(baseline=given))
        assert (limited.tolerance, limited.alpha) == expected


@pytest.mark.parametrize("limits", [{"tolerance": -0.1}, {"alpha": 0.9}])
def test_limits_out_of_range_are_refused_before_anything_is_built(limits):
    with pytest.raises(InvalidTrainingError, match=rf"got {next(iter(limits))}="):
        is_gated(POLICY, Expectation(baseline=limits), FitCall(model=None))
