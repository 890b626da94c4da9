"""Readings of layers: gradients, dead and saturated units."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.layer_readings import layer_readings
from tests.measured import left_alone
from tests.zoo.problems import (
    HEALTHY,
    compiled_step,
    fit,
    linear,
    minimize,
    sequential,
    subclassed,
    vae,
)
from tests.zoo.problems import step as step_problem
from tests.zoo.trainings import running, training_of

SGD = keras.optimizers.SGD


def read(start):
    training = running(start, steps=5).training
    with left_alone(training):
        return layer_readings(training)


def of_model(*parts, rows=64, **compiled):
    x, y = linear(0, rows=rows)
    model = sequential(*parts, optimizer=SGD(0.1), **{"loss": "mse", **compiled})
    return fit(model, x, y)


def by_name(readings):
    return {layer.name: layer for layer in readings.layers}


def test_gradient_norms_of_least_squares():
    x, y = linear(0, rows=64)
    start = of_model(layers.Dense(1, name="head", kernel_initializer="zeros"))
    (head,) = read(start).layers
    gradient = np.append(-2 * x.T @ y / 64, -2 * y.mean())
    assert (head.name, head.kind, head.size) == ("head", "Dense", 5)
    assert head.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
    assert head.gradient_rms == pytest.approx(head.gradient_norm / np.sqrt(5))
    assert (head.units, head.deviation, head.dead, head.saturated) == (1, 0.0, None, None)


def test_the_mean_over_all_rows_whatever_the_batches():
    class Own(keras.Sequential):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(gradients, self.trainable_variables)
            return {"loss": loss}

    x, y = linear(0, rows=100)
    model = Own([keras.Input((4,)), layers.Dense(1, name="head", kernel_initializer="zeros")])
    model.compile(SGD(0.1), "mse")
    readings = read(fit(model, x, y, batch_size=32))
    (head,) = [layer for layer in readings.layers if layer.name == "head"]
    gradient = np.append(-2 * x.T @ y / 100, -2 * y.mean())
    assert head.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
    assert readings.rows == 100


def test_dead_units_are_counted():
    bias = keras.initializers.Constant([-1e3, 1.0, 1.0, -1e3])
    readings = read(of_model(layers.Dense(4, "relu", bias_initializer=bias), layers.Dense(1)))
    assert readings.layers[0].dead == 0.5
    assert readings.dead_share == 0.5
    assert readings.layers[1].dead is None


def test_units_of_a_separate_activation_layer():
    bias = keras.initializers.Constant([-1e3, 1.0, 1.0, -1e3])
    readings = read(
        of_model(layers.Dense(4, bias_initializer=bias), layers.ReLU(name="r"), layers.Dense(1))
    )
    activation = by_name(readings)["r"]
    assert (activation.dead, activation.size, activation.gradient_norm) == (0.5, 0, None)


def test_rectifiers_that_get_only_zeros_are_not_dead():
    zeros = layers.Dense(4, kernel_initializer="zeros")
    readings = read(of_model(zeros, layers.ReLU(name="r"), layers.Dense(1)))
    assert by_name(readings)["r"].dead == 0.0


@keras.saving.register_keras_serializable("tests")
class Stopped(layers.Layer):
    """Lets no gradient through."""

    def call(self, x):
        return keras.ops.stop_gradient(x)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_layers_that_no_gradient_reaches_are_disconnected():
    parts = layers.Dense(3, name="behind"), Stopped(), layers.Dense(1, name="head")
    assert read(of_model(*parts)).disconnected == ("behind",)


def test_a_gradient_of_zero_is_a_connection():
    bias = keras.initializers.Constant(-1e3)
    readings = read(of_model(layers.Dense(4, "relu", bias_initializer=bias), layers.Dense(1)))
    assert readings.layers[0].gradient_norm == 0.0
    assert readings.disconnected == ()


def test_a_variable_that_the_loss_does_not_read_is_disconnected():
    w, idle = tf.Variable(1.0, name="w"), tf.Variable(1.0, name="idle")
    assert read(minimize(lambda: w**2, [w, idle], SGD(0.1))).disconnected == ("idle",)


def test_a_linear_output_of_zeros_is_not_dead():
    readings = read(of_model(layers.Dense(1, kernel_initializer="zeros")))
    assert readings.dead_share is None


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_saturated_units_are_counted(activation):
    bias = keras.initializers.Constant([50.0, 0.0, 0.0, -50.0])
    parts = layers.Dense(4, activation, bias_initializer=bias), layers.Dense(1)
    readings = read(of_model(*parts))
    assert readings.layers[0].saturated == readings.saturated_share == 0.5


def test_a_convolution_unit_is_a_channel():
    x = np.random.default_rng(0).normal(size=(32, 6, 6, 1)).astype("float32")
    bias = keras.initializers.Constant([1.0, -1e3])
    parts = layers.Conv2D(2, 3, activation="relu", bias_initializer=bias), layers.Flatten()
    model = sequential(*parts, layers.Dense(1), optimizer=SGD(0.1), loss="mse")
    first = read(fit(model, x, x[:, 0, 0])).layers[0]
    assert (first.units, first.dead) == (2, 0.5)


def test_gradients_vanish_through_sigmoids():
    deep = [layers.Dense(8, "sigmoid") for _ in range(8)]
    assert read(of_model(*deep, layers.Dense(1))).first_to_last < 1e-2
    assert read(of_model(layers.Dense(8, "relu"), layers.Dense(1))).first_to_last > 0.1


def test_all_zero_gradients_are_noticed():
    frozen = layers.Dense(1, "tanh", trainable=False, name="frozen")
    readings = read(of_model(layers.Dense(4, "relu", kernel_initializer="zeros"), frozen))
    assert readings.all_zero
    assert (readings.layers[1].size, readings.layers[1].gradient_norm) == (0, None)


def test_nested_models_are_opened():
    inner = keras.Sequential([layers.Dense(6, "relu", name="hidden")], name="encoder")
    names = [layer.name for layer in read(of_model(inner, layers.Dense(1, name="head"))).layers]
    assert names == ["encoder/hidden", "head"]


def test_layers_come_in_the_order_of_their_calls():
    class Backwards(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = layers.Dense(1, name="last")
            self.first = layers.Dense(5, "relu", name="first")

        def call(self, x):
            return self.last(self.first(x))

    model = Backwards()
    model.compile(SGD(0.1), "mse")
    x, y = linear(0, rows=32)
    assert [layer.name for layer in read(fit(model, x, y)).layers] == ["first", "last"]


def test_recurrent_layers_are_one_layer_and_have_no_saturation():
    problem = next(p for p in HEALTHY if p.name == "lstm")
    lstm = read(problem.start(0)).layers[0]
    assert (lstm.kind, lstm.saturated, lstm.dead) == ("LSTM", None, None)
    assert lstm.gradient_norm > 0


@pytest.mark.parametrize(
    "name", ["batch_norm", "embedding", "attention", "two_inputs_two_outputs", "tf_dataset"]
)
def test_all_trained_values_belong_to_a_layer(name):
    problem = next(p for p in HEALTHY if p.name == name)
    training = running(problem.start(0), steps=5).training
    with left_alone(training):
        readings = layer_readings(training)
    trained = sum(int(np.prod(v.shape)) for v in training.trainable)
    assert sum(layer.size for layer in readings.layers) == trained
    assert all(layer.deviation > 0 for layer in readings.layers if layer.size)


@pytest.mark.parametrize("start", [vae, subclassed])
def test_models_with_code_of_their_own(start):
    readings = read(start(0))
    assert not readings.all_zero
    assert all(layer.gradient_norm > 0 for layer in readings.layers if layer.size)


def test_layers_are_given_back():
    start = of_model(layers.Dense(3, "relu"), layers.Dense(1))
    read(start)
    model = start.arguments["model"]
    assert all("call" not in vars(layer) for layer in [model, *model.layers])


def test_variables_alone_have_gradients():
    w, b = tf.Variable([3.0, 4.0], name="w"), tf.Variable(0.0, name="b")
    start = minimize(lambda: tf.reduce_sum(w**2) + 0.0 * b, [w, b], SGD(0.1))
    readings = layer_readings(training_of(start))
    assert [layer.gradient_norm for layer in readings.layers] == [10.0, 0.0]
    assert [layer.kind for layer in readings.layers] == ["variable", "variable"]
    assert (readings.first_to_last, readings.all_zero, readings.rows) == (None, False, 1)


def test_own_steps_have_gradients():
    readings = read(compiled_step(0))
    assert all(layer.gradient_norm > 0 for layer in readings.layers)


def test_an_unknown_optimizer_shows_nothing():
    w = tf.Variable(3.0)

    def step():
        w.assign(w * 0.9)
        return w**2

    assert read(step_problem(step, variables=[w])) is None
