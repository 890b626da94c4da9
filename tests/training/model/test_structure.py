"""What is known of a Keras model, its layers and its initial weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.model.structure import (
    attributes_set,
    call_model,
    compiled_metrics,
    create_variables,
    directions,
    global_seed,
    has_own_train_step,
    hidden_layers,
    initialised_variables,
    is_seed,
    layers_of,
    loss_of_logs,
    output_layer,
    output_layers,
    redrawn,
    seeded,
    training_matters,
    with_loss,
)
from pytest_converge.training.state.snapshot import as_tf_variable
from tests.zoo.problems import sequential

X, Y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")


def model_of(*parts, loss="mse", shape=(4,), **compiled):
    return sequential(*parts, optimizer="sgd", loss=loss, shape=shape, **compiled)


class OwnStep(keras.Model):
    def train_step(self, data):
        return {"loss": tf.constant(0.0)}


class Plain(keras.Model):
    """Its call takes no `training`."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)


def test_variables_are_created_and_nothing_is_run():
    model = Plain()
    model.compile("sgd", "mse")
    create_variables(model, (tf.constant(X), tf.constant(Y)))
    assert [tuple(v.shape) for v in model.trainable_variables] == [(4, 1), (1,)]
    before = [v.numpy() for v in model.trainable_variables]
    create_variables(model, (tf.constant(X), tf.constant(Y)))
    for variable, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


class ReadsValues(Plain):
    """Its step works outside of a graph only."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x) - y) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": float(loss.numpy())}


def test_a_step_that_reads_values_creates_variables_by_an_eager_call_that_is_taken_back():
    keras.utils.set_random_seed(3)
    model = ReadsValues()
    model.compile("adam", run_eagerly=True)
    create_variables(model, (tf.constant(X), tf.constant(Y)))
    kernel, bias = (v.numpy() for v in model.trainable_variables)
    keras.utils.set_random_seed(3)
    other = Plain()
    other(X)
    np.testing.assert_array_equal(kernel, other.dense.kernel.numpy())
    assert (bias == 0).all()
    slots = [v.numpy() for v in model.optimizer.variables if "learning_rate" not in v.path]
    assert len(slots) == 5
    assert not any(slot.any() for slot in slots)


def test_a_train_step_of_the_users_is_told_from_keras_own():
    assert has_own_train_step(OwnStep())
    assert not has_own_train_step(Plain())


def test_training_reaches_a_call_that_takes_it():
    dropping = model_of(layers.Dropout(0.999))
    assert (call_model(dropping, X, training=False).numpy() == 1).all()
    assert (call_model(dropping, X, training=True).numpy() == 0).any()
    assert call_model(Plain(), X, training=True).shape == (8, 1)


@pytest.mark.parametrize(
    ("parts", "matters"),
    [
        ([layers.Dense(1)], False),
        ([layers.Dropout(0.5), layers.Dense(1)], True),
        ([layers.BatchNormalization(), layers.Dense(1)], True),
        ([layers.Embedding(3, 2), layers.Flatten(), layers.Dense(1)], False),
    ],
    ids=["dense", "dropout", "averages", "embedding"],
)
def test_modes_differ_by_random_and_averaging_layers(parts, matters):
    model = model_of(*parts)
    model(X)
    assert training_matters(model) is matters


@pytest.mark.parametrize(
    ("parts", "matters"),
    [
        ([layers.LSTM(2)], False),
        ([layers.GRU(2, dropout=0.5)], True),
        ([layers.SimpleRNN(2), layers.Dropout(0.5)], True),
        ([layers.LSTM(2), layers.BatchNormalization()], True),
    ],
)
def test_a_generator_that_a_step_does_not_use_makes_no_mode(parts, matters):
    model = model_of(*parts, layers.Dense(1), shape=(5, 4))
    batch = np.ones((8, 5, 4), "float32"), Y
    step = tf.function(model.train_step, autograph=False).get_concrete_function(batch)
    assert training_matters(model)
    assert training_matters(model, step.graph) is matters


@pytest.mark.parametrize("logs", [{"loss": 2, "accuracy": 1.0}, 2.0, tf.constant(2.0, tf.float64)])
def test_a_loss_is_found_in_what_a_step_returned(logs):
    loss = loss_of_logs(logs)
    assert (float(loss), loss.dtype) == (2.0, tf.float32)


def test_of_the_losses_of_rows_the_loss_is_the_mean():
    assert float(loss_of_logs({"loss": tf.constant([[1.0], [2.0], [6.0]])})) == 3.0


@pytest.mark.parametrize(
    ("logs", "said"), [({"b": 1, "a": 2}, r"\['a', 'b'\]"), ({}, "{}"), (None, "None")]
)
def test_logs_without_a_loss_are_refused(logs, said):
    with pytest.raises(InvalidTrainingError, match=f"train_step that returned {said}"):
        loss_of_logs(logs)


def test_nested_layers_are_listed_and_told_apart():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, "relu", name="inner")])
    model = keras.Sequential([keras.Input((4,)), inner, layers.Dense(1, name="out")])
    assert {"inner", "out"} <= {layer.name for layer in layers_of(model)}
    assert output_layer(model).name == "out"
    assert [layer.name for layer in hidden_layers(model)] == ["inner"]


def test_the_output_may_be_nested_and_need_not_be_one():
    head = keras.Sequential([keras.Input((4,)), layers.Dense(1, name="head")])
    assert output_layer(keras.Sequential([keras.Input((4,)), head])).name == "head"
    x = keras.Input((4,))
    assert output_layer(keras.Model(x, [layers.Dense(1)(x), layers.Dense(1)(x)])) is None
    assert output_layer(model_of(layers.BatchNormalization())) is None


def test_no_output_of_several_is_hidden():
    x = keras.Input((4,))
    hidden = layers.Dense(3, "tanh", name="hidden")(x)
    amount, flag = layers.Dense(1, name="amount"), layers.Dense(1, "sigmoid", name="flag")
    model = keras.Model(x, {"of_flag": flag(hidden), "of_amount": amount(hidden)})
    assert output_layers(model) == [amount, flag]  # in the order of `model.outputs`
    assert [layer.name for layer in hidden_layers(model)] == ["hidden"]


@pytest.mark.parametrize(
    "behind",
    [
        lambda head: [layers.TimeDistributed(head)],
        lambda head: [head, layers.Permute((2, 1)), layers.Flatten()],
        lambda head: [layers.TimeDistributed(keras.Sequential([head])), layers.Reshape((10,))],
    ],
    ids=["each step", "other places", "both"],
)
def test_the_output_may_be_within_or_before_another_layer(behind):
    head = layers.Dense(2, "relu", name="head")
    model = keras.Sequential([keras.Input((5, 3)), layers.Dense(4, "tanh"), *behind(head)])
    assert output_layer(model) is head
    assert head not in hidden_layers(model)


def test_attributes_are_put_back_also_one_that_was_set_twice():
    layer = layers.Dense(1, "relu")
    with attributes_set([(layer, "units", 2), (layer, "units", 3)]):
        assert layer.units == 3
    assert layer.units == 1


def test_another_loss_is_compiled_meanwhile():
    model = model_of(layers.Dense(1))
    with with_loss(model, "mae"):
        assert float(model.compute_loss(X, 3 * Y, 0 * Y)) == 3.0
    assert float(model.compute_loss(X, 3 * Y, 0 * Y)) == 9.0
    assert model.loss == "mse"


def test_metrics_say_which_way_is_better():
    model = model_of(layers.Dense(1), metrics=["mae", keras.metrics.BinaryAccuracy()])
    model.train_on_batch(X, Y)
    found = directions(model)
    assert (found["mae"], found["binary_accuracy"]) == (False, True)
    assert "loss" not in found


def test_metrics_of_another_model_are_new_objects():
    own = keras.metrics.BinaryAccuracy(threshold=0.7)
    model = model_of(layers.Dense(1), metrics=[own, "mae"])
    again, name = compiled_metrics(model)
    assert (again is not own, again.threshold, name) == (True, 0.7, "mae")
    assert compiled_metrics(model_of(layers.Dense(1))) is None


def test_what_layers_and_cells_initialise_is_found_once():
    model = model_of(layers.LSTM(3), layers.Dense(1), shape=(5, 4))
    kinds = [kind for kind, _, _ in initialised_variables(model)]
    assert kinds == ["kernel", "recurrent_kernel", "bias", "kernel", "bias"]


def test_a_random_initialiser_takes_another_seed_and_a_fixed_one_stays():
    drawn = [np.asarray(seeded(keras.initializers.GlorotUniform(), s)((4, 4))) for s in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    zeros = keras.initializers.Zeros()
    assert seeded(zeros, 1) is zeros


def test_weights_are_drawn_anew_by_their_own_initialisers():
    model = model_of(layers.Dense(32, kernel_initializer="he_normal"), layers.Dropout(0.5))
    values = redrawn(model, 7)
    kernel = as_tf_variable(model.layers[0].kernel)
    assert values[id(kernel)].shape == (4, 32)
    assert (values[id(kernel)] != kernel.numpy()).any()
    (seed,) = [v for v in model.non_trainable_variables if is_seed(v)]
    assert values[id(as_tf_variable(seed))].tolist() == [7, 0]


def test_weights_that_were_set_by_hand_are_not_drawn_anew():
    model = model_of(layers.Dense(32))
    model.layers[0].kernel.assign(np.full((4, 32), 9.0))
    assert redrawn(model, 7) == {}


def test_the_generator_that_layers_share_is_found():
    keras.random.normal((1,))
    (state,) = global_seed()
    assert is_seed(state)
    assert state is global_seed()[0]
