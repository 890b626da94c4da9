"""What one step computes, as a whole."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.measures.computation import Computation, computation
from tests.measured import left_alone
from tests.training.measures.steps import own_step, regression
from tests.zoo.problems import HEALTHY, fit, linear, step
from tests.zoo.trainings import training_of

PROBLEMS = {problem.name: problem for problem in HEALTHY}
#: Whose steps feed layers what would be targets or weights.
WITHOUT_ROLES = {"siamese", "semi_supervised"}


@pytest.mark.parametrize("name", PROBLEMS)
def test_of_a_sound_step_there_is_nothing_to_say(name):
    training = training_of(PROBLEMS[name].start(0))
    with left_alone(training):
        seen = computation(training)
    usual = {"loss": "", "multiplied": (), "targets": (), "weighing": (), "other_loss": False}
    usual["by_inputs"] = False
    assert dataclasses.replace(seen, **usual) == Computation(roles=name not in WITHOUT_ROLES)


@pytest.mark.parametrize(
    ("loss", "called"),
    [
        ("mse", ""),
        (keras.losses.Huber(), ""),
        (lambda y, p: tf.reduce_mean(tf.abs(y - p)), ""),
        (keras.losses.mean_absolute_error, ""),
    ],
    ids=["by name", "of Keras", "nameless", "function of Keras"],
)
def test_a_loss_is_called_as_the_user_calls_it(loss, called):
    assert computation(training_of(regression(loss=loss))).loss == called


def distance(y, p):
    return tf.reduce_mean((p - y) ** 2)


def test_a_loss_of_the_user_has_the_name_of_its_function():
    assert computation(training_of(regression(loss=distance))).loss == "distance"


def test_targets_that_the_loss_does_not_read_are_named():
    def size(y, p):
        return tf.reduce_mean(p**2) + 0.0 * tf.cast(tf.shape(y)[0], tf.float32)

    assert computation(training_of(own_step(size, shape=(-1, 1)))).unread == ("y",)


def third_part(loss_of):
    """A step on (x, y, and what its loss makes of the third part)."""
    x, y = linear(0, rows=64)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    optimizer = keras.optimizers.Adam(0.1)

    def train_step(features, targets, third):
        with tf.GradientTape() as tape:
            loss = loss_of(targets[:, 0], model(features, training=True), third)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    third = np.abs(y[:, 0]) + 1
    data = tf.data.Dataset.from_tensor_slices((x, y, third)).batch(16).repeat()
    return training_of(
        step(train_step, variables=model.trainable_variables, data=data, optimizer=optimizer)
    )


def test_the_targets_of_a_second_task_are_no_weights():
    def two_tasks(y, p, other):
        return tf.reduce_mean((p[:, 0] - y) ** 2) + tf.reduce_mean(tf.abs(other - p[:, 1]))

    assert not computation(third_part(two_tasks)).roles


def test_what_multiplies_the_errors_of_rows_is_their_weights():
    def weighed(y, p, weights):
        weights = weights - tf.reduce_min(weights)
        return tf.reduce_sum(weights * (p[:, 0] - y) ** 2) / tf.reduce_sum(weights)

    assert computation(third_part(weighed)).roles


def bonds(*, made_of):
    """Atoms whose numbers are added up along their bonds, which may pass through a layer first."""
    atoms, edges = keras.Input((5, 2), name="atoms"), keras.Input((5, 5), name="edges")
    near = edges if made_of is None else made_of(edges)
    summed = keras.ops.matmul(near, keras.layers.Dense(3)(atoms))
    pooled = keras.layers.GlobalAveragePooling1D()(summed)
    model = keras.Model({"atoms": atoms, "edges": edges}, keras.layers.Dense(1)(pooled))
    model.compile("sgd", "mse")
    x = {"atoms": np.ones((16, 5, 2), "float32"), "edges": np.ones((16, 5, 5), "float32")}
    return fit(model, x, np.zeros((16, 1), "float32"))


@pytest.mark.parametrize(
    ("made_of", "names"),
    [
        (None, {"x['atoms']", "x['edges']"}),
        (keras.layers.Rescaling(0.001), {"x['atoms']"}),
    ],
    ids=["as they are", "rescaled"],
)
def test_inputs_that_are_a_factor_are_named(made_of, names):
    assert set(computation(training_of(bonds(made_of=made_of))).multiplied) == names


def error(y, p):
    return tf.reduce_mean((tf.reshape(y, (-1, 1)) - p) ** 2)


@pytest.mark.parametrize(
    ("start", "other"),
    [
        (lambda: own_step(error), False),
        (lambda: own_step(lambda y, p: 3.0 * error(y, p), returned=error), True),
        (lambda: own_step(lambda y, p: error(y, p)[None], returned=error), False),
        (lambda: regression(loss=distance), False),
    ],
    ids=["its own", "another", "its mean", "no step"],
)
def test_a_step_that_returns_another_loss_than_it_differentiates_is_known(start, other):
    assert computation(training_of(start())).other_loss is other


@pytest.mark.parametrize("by_inputs", [True, False])
def test_a_slope_by_the_inputs_is_noticed(by_inputs):
    w = tf.Variable([[0.5]])
    optimizer = keras.optimizers.SGD(0.1)

    def train_step(x):
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(x)
                value = tf.tanh(x @ w)
            seen = inner.gradient(value, x) if by_inputs else value
            loss = tf.reduce_mean((seen - 1.0) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    data = tf.data.Dataset.from_tensor_slices(np.ones((8, 1), "float32")).batch(4)
    start = step(train_step, variables=[w], data=data, optimizer=optimizer)
    assert computation(training_of(start)).by_inputs is by_inputs


@pytest.mark.parametrize("twice", [True, False])
def test_a_slope_of_a_slope_by_the_inputs_is_noticed(twice):
    w = tf.Variable([[0.5]])
    optimizer = keras.optimizers.SGD(0.1)

    def train_step(x):
        with tf.GradientTape() as tape:
            with tf.GradientTape(persistent=True) as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    value = tf.nn.relu(x @ w)
                slope = inner.gradient(value, x)
                other = tf.tanh(x @ w)
            seen = outer.gradient(slope if twice else other, x, unconnected_gradients="zero")
            loss = tf.reduce_mean((seen + value - 1.0) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    data = tf.data.Dataset.from_tensor_slices(np.ones((8, 1), "float32")).batch(4)
    start = step(train_step, variables=[w], data=data, optimizer=optimizer)
    seen = computation(training_of(start))
    assert (seen.by_inputs, seen.bent) == (True, twice)
