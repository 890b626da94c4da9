"""A learning rate beyond what is stable."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.optimizers import SGD

from tests.diagnosis.programs import diagnosis_of, distance
from tests.zoo.problems import SPARSE, fit, sequential, step, wine


def test_a_rate_beyond_the_limit_names_the_limit():
    """The second derivative is 2, the limit of the rate 1."""
    found = diagnosis_of(distance(SGD(1.2)), steps=100, max_loss=0.67)
    assert found.cause == "learning-rate-too-high"
    assert found.proven
    assert found.bracket.stability_limit == pytest.approx(1.0, rel=1e-3)
    assert found.bracket.highest < found.bracket.stability_limit
    assert found.fix == f"keras.optimizers.SGD({found.bracket.proposed:g})"


def classifier(loss=SPARSE, **options):
    x, y = wine()
    parts = [layers.Dense(16, "relu"), layers.Dense(3, "softmax")]
    model = sequential(*parts, optimizer=SGD(0.3), loss=loss, shape=(13,))
    return fit(model, x, y, batch_size=64, **options)


@pytest.mark.parametrize(
    ("options", "fix", "fault"),
    [
        (
            {"class_weight": {0: 2000.0, 1: 3000.0, 2: 2000.0}},
            "model.fit(x, y, class_weight={0: 0.834, 1: 1.25, 2: 0.834})  # and so converge.fit",
            "class weights of mean 2.4e+03 make every step 2.4e+03 times as long; it converges",
        ),
        (
            {"sample_weight": np.linspace(500.0, 1500.0, 178).astype("float32")},
            "sample_weight = sample_weight / sample_weight.mean()",
            "sample weights of mean 1e+03 make every step 1e+03 times as long; it converges",
        ),
    ],
    ids=["of classes", "of rows"],
)
def test_weights_far_from_one_are_named_and_no_rate(options, fix, fault):
    found = diagnosis_of(classifier(**options), steps=100, max_loss=0.3)
    assert (found.cause, found.proven, found.fix) == ("learning-rate-too-high", True, fix)
    assert found.message.startswith(fault)
    assert len(found.tried) == 1


def test_weights_of_a_usual_mean_are_left_alone():
    weights = np.linspace(0.5, 1.5, 178).astype("float32")
    found = diagnosis_of(classifier(sample_weight=weights), steps=2, max_loss=0.01)
    assert not any("weights" in trial.change for trial in found.tried)


def summed(y, predictions):
    y = tf.one_hot(tf.cast(tf.reshape(y, (-1,)), "int32"), 3)
    return -tf.reduce_sum(y * tf.math.log(predictions + 1e-7))


@pytest.mark.parametrize(
    ("loss", "fix"),
    [
        (
            keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
            "loss=keras.losses.SparseCategoricalCrossentropy()",
        ),
        (summed, 'loss=lambda y, p: summed(y, p) / tf.cast(tf.shape(y)[0], "float32")'),
    ],
    ids=["told to", "function"],
)
def test_a_sum_over_the_rows_is_named_and_no_floor(loss, fix):
    found = diagnosis_of(classifier(loss), steps=100, max_loss=0.3)
    assert (found.proven, found.fix) == (True, fix)
    assert found.message.startswith("the loss is summed over the 64 rows of a batch")
    assert found.message.endswith("; it converges with the mean over the rows")
    assert len(found.tried) == 1


def update_of(loss_of, optimizer, weights):
    """A step that hands an optimizer the gradient, or subtracts a part of it by itself."""

    @tf.function
    def update(rows, wanted):
        with tf.GradientTape() as tape:
            loss = loss_of((rows @ weights - wanted) ** 2)
        gradient = tape.gradient(loss, weights)
        if optimizer is None:
            weights.assign_sub(0.05 * gradient)
        else:
            optimizer.apply_gradients([(gradient, weights)])
        return loss

    return update


@pytest.mark.parametrize(
    "make",
    [lambda: SGD(0.05), lambda: tf.compat.v1.train.GradientDescentOptimizer(0.05), lambda: None],
    ids=["keras", "compat v1", "by hand"],
)
def test_a_sum_inside_of_a_step_is_judged_as_a_mean(make):
    x, _ = wine()
    targets = (x @ np.linspace(-1.0, 1.0, 13))[:, None].astype("float32")
    weights, optimizer = tf.Variable(tf.zeros((13, 1))), make()
    data = tf.data.Dataset.from_tensor_slices((x, targets)).batch(32, drop_remainder=True)
    update = update_of(tf.reduce_sum, optimizer, weights)
    start = step(update, variables=[weights], data=data, optimizer=optimizer)
    found = diagnosis_of(start, steps=200, max_loss=0.1)
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    assert found.message.startswith("the loss is summed over the 32 rows of a batch: steps are 32 ")
    assert found.message.endswith("; it converges with the mean over the rows")
    assert found.fix.startswith("loss = loss_of((rows @ weights - wanted) ** 2) / 32  # test_")
    assert len(found.tried) == 1


def two_optimizers(first, second):
    """The body by descent and the head by Adam, in one step."""
    x, _ = wine()
    targets = (x @ np.linspace(-1.0, 1.0, 13) / 3)[:, None].astype("float32")
    body, head = layers.Dense(16, "tanh"), layers.Dense(1)
    body.build((None, 13))
    head.build((None, 16))
    slow, fast = SGD(first), keras.optimizers.Adam(second)

    def update(rows, wanted):
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean((head(body(rows)) - wanted) ** 2)
        for optimizer, layer in ((slow, body), (fast, head)):
            variables = layer.trainable_variables
            gradients = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    data = [(x[n : n + 32], targets[n : n + 32]) for n in range(0, 160, 32)]
    return step(update, variables=body.variables + head.variables, data=data)


@pytest.mark.parametrize(
    ("rates", "name", "made", "bound"),
    [((1000.0, 0.05), "slow", "SGD(1000)", 0.05), ((0.05, 20.0), "fast", "Adam(20)", 0.25)],
)
def test_of_two_optimizers_the_one_at_fault_is_named(rates, name, made, bound):
    found = diagnosis_of(two_optimizers(*rates), steps=200, max_loss=bound)
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    assert found.message.startswith(f"of the optimizers, the rate of {name} is too high; it conv")
    assert found.fix.endswith(f"  # as {name}, instead of {made}")
    assert found.fix.startswith(f"keras.optimizers.{made.partition('(')[0]}(")
