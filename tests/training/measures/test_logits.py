"""What a cross-entropy is given, as seen in one step."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, losses

from pytest_converge.training.measures.logits import misread_output
from tests.training.measures.steps import classifying, flow_of, own_step, regression
from tests.zoo.problems import fit, sequential, wine

SPARSE = tf.nn.sparse_softmax_cross_entropy_with_logits
BINARY = tf.nn.sigmoid_cross_entropy_with_logits


def first_of_three(loss):
    return lambda y, p: loss(tf.cast(y[:, None] == 0, tf.float32), p)


def one_hot(loss):
    return lambda y, p: loss(tf.one_hot(y, 3), p)


def binary(**options):
    return first_of_three(losses.BinaryCrossentropy(**options))


GIVEN_PROBABILITIES = {
    "sparse": (3, "softmax", SPARSE),
    "one-hot": (3, "softmax", one_hot(tf.nn.softmax_cross_entropy_with_logits)),
    "sigmoid": (1, "sigmoid", first_of_three(BINARY)),
    "softplus of a sigmoid": (3, "sigmoid", SPARSE),
    "softmax twice": (
        3,
        "softmax",
        lambda y, p: losses.sparse_categorical_crossentropy(y, tf.nn.softmax(p)),
    ),
    "softmax at a temperature": (
        3,
        "softmax",
        lambda y, p: losses.sparse_categorical_crossentropy(y, tf.nn.softmax(p / 3.0)),
    ),
    "log softmax": (3, "softmax", one_hot(lambda y, p: -y * tf.nn.log_softmax(p))),
    "reshaped": (3, "softmax", lambda y, p: SPARSE(y, tf.reshape(p, (-1, 3)))),
}


@pytest.mark.parametrize(
    ("units", "activation", "loss_of"), GIVEN_PROBABILITIES.values(), ids=GIVEN_PROBABILITIES
)
def test_probabilities_that_are_taken_for_logits_are_noticed(units, activation, loss_of):
    x, y = wine()
    last = layers.Dense(units, activation)
    found = misread_output(flow_of(classifying(x, y.astype("int32"), last, loss_of=loss_of)))
    assert (found.takes, found.given) == ("logits", activation)
    assert found.layer.endswith(last.name)
    assert 0 <= found.low <= found.high <= 1


GIVEN_LOGITS = {
    "sparse": (3, losses.sparse_categorical_crossentropy, "softmax"),
    "one-hot": (3, one_hot(losses.categorical_crossentropy), "softmax"),
    "binary": (1, binary(), "sigmoid"),
}


@pytest.mark.parametrize(("units", "loss_of", "fitting"), GIVEN_LOGITS.values(), ids=GIVEN_LOGITS)
def test_logits_that_are_taken_for_probabilities_are_noticed(units, loss_of, fitting):
    x, y = wine()
    last = layers.Dense(units)
    found = misread_output(flow_of(classifying(x, y.astype("int32"), last, loss_of=loss_of)))
    assert (found.takes, found.fitting) == ("probabilities", fitting)
    assert found.layer.endswith(last.name)
    assert found.low < 0


SOUND = {
    "logits": (3, None, SPARSE),
    "logits of one unit": (1, None, first_of_three(BINARY)),
    "probabilities": (3, "softmax", losses.sparse_categorical_crossentropy),
    "probabilities of one unit": (1, "sigmoid", binary()),
    "told that they are logits": (1, None, binary(from_logits=True)),
    "found behind the activation": (
        3,
        "softmax",
        losses.SparseCategoricalCrossentropy(from_logits=True),
    ),
    "squared": (3, "softmax", one_hot(lambda y, p: (y - p) ** 2)),
    "gate of a hidden layer": (3, None, lambda y, p: SPARSE(y, tf.nn.sigmoid(p) * p)),
}


@pytest.mark.filterwarnings("ignore:.*from_logits")
def test_a_softmax_of_tensorflow_is_found_by_keras_as_in_a_graph():
    x, y = wine()
    parts = [layers.Dense(3), layers.Lambda(tf.nn.softmax)]
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    start = fit(sequential(*parts, optimizer="sgd", loss=loss, shape=(13,)), x, y)
    assert misread_output(flow_of(start)) is None


@pytest.mark.filterwarnings("ignore:.*from_logits")
@pytest.mark.parametrize(("units", "activation", "loss_of"), SOUND.values(), ids=SOUND)
def test_outputs_that_are_read_as_what_they_are_are_not(units, activation, loss_of):
    x, y = wine()
    last = layers.Dense(units, activation)
    start = classifying(x, y.astype("int32"), layers.Dense(4, "sigmoid"), last, loss_of=loss_of)
    assert misread_output(flow_of(start)) is None


def test_the_weights_of_attention_are_no_output():
    x, y = np.random.default_rng(0).normal(size=(32, 5, 4)), np.zeros((32, 1))
    inputs = keras.Input((5, 4))
    attended = layers.Attention()([inputs, inputs])
    outputs = layers.Dense(1)(layers.Flatten()(attended))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", losses.BinaryCrossentropy(from_logits=True))
    assert misread_output(flow_of(fit(model, x, y))) is None


def test_a_compiled_loss_that_loses_sight_of_the_softmax_is_noticed():
    x, y = wine()
    parts = [layers.Dense(3, "softmax"), layers.Reshape((3,))]
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    start = fit(sequential(*parts, optimizer="sgd", loss=loss, shape=(13,)), x, y)
    assert misread_output(flow_of(start)).layer == parts[0].name


def over(axis):
    return lambda z: tf.nn.softmax(z, axis=axis)


OTHER_AXES = {
    "layer": (layers.Softmax(axis=1), 1),
    "function of keras": (layers.Activation(lambda z: keras.ops.softmax(z, axis=1)), 1),
    "rows": (layers.Lambda(over(0)), 0),
}


def steps_of_series(*last, loss):
    x = np.random.default_rng(0).normal(size=(64, 5, 3)).astype("float32")
    y = (x[..., 0] > 0).astype("int32")
    parts = [layers.Dense(4), *last]
    model = sequential(*parts, optimizer="sgd", loss=loss, shape=(5, 3))
    return fit(model, x, np.eye(4)[y] if loss.startswith("categorical") else y)


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"], ids=["sparse", "rows"]
)
@pytest.mark.parametrize(("last", "axis"), OTHER_AXES.values(), ids=OTHER_AXES)
def test_shares_along_another_axis_than_the_classes_are_noticed(last, axis, loss):
    found = misread_output(flow_of(steps_of_series(last, loss=loss)))
    assert (found.takes, found.axis, found.layer, found.alone) == ("classes", axis, last.name, True)


@pytest.mark.parametrize(
    "last",
    [
        [layers.Softmax(axis=2)],
        [layers.Permute((2, 1)), layers.Dense(4), layers.Softmax()],
        [layers.Softmax(axis=1), layers.Dense(4), layers.Softmax()],
    ],
    ids=["classes", "turned around", "attention"],
)
def test_shares_along_the_classes_are_none(last):
    loss = "sparse_categorical_crossentropy"
    x, y = np.zeros((8, 4, 3), "float32"), np.zeros((8, 4), "int32")
    model = sequential(layers.Dense(4), *last, optimizer="sgd", loss=loss, shape=(4, 3))
    assert misread_output(flow_of(fit(model, x, y))) is None


def picked(softmax, axis):
    return lambda y, z: -tf.math.log(tf.gather(softmax(z, axis=axis), y, batch_dims=2) + 1e-7)


def one_hot_of_tags(y, depth=4, axis=-1):
    return tf.one_hot(y, depth, axis=axis)


WRITTEN_OUT = {
    "gather": lambda axis: picked(tf.nn.softmax, axis),
    "weighted": lambda axis: (
        lambda y, z: -one_hot_of_tags(y) * tf.math.log(1e-7 + tf.nn.softmax(z, axis=axis))
    ),
    "chosen first": lambda axis: (
        lambda y, z: (
            -tf.math.log(tf.reduce_sum(one_hot_of_tags(y) * tf.nn.softmax(z, axis=axis), axis=-1))
        )
    ),
    "logarithms": lambda axis: (
        lambda y, z: -tf.gather(tf.nn.log_softmax(z, axis=axis), y, batch_dims=2)
    ),
}


def tagging(loss_of):
    x = np.random.default_rng(0).normal(size=(16, 5, 3)).astype("float32")
    return classifying(x, (x[..., 0] > 0).astype("int32"), layers.Dense(4), loss_of=loss_of)


@pytest.mark.parametrize("loss_of", WRITTEN_OUT.values(), ids=WRITTEN_OUT)
def test_shares_along_another_axis_than_labels_choose_from_are_noticed(loss_of):
    found = misread_output(flow_of(tagging(loss_of(1))))
    assert (found.takes, found.axis, found.classes, found.alone) == ("classes", 1, -1, True)
    assert misread_output(flow_of(tagging(loss_of(-1)))) is None


def test_labels_may_choose_from_another_axis_than_the_last():
    def loss_of(y, z):
        return -one_hot_of_tags(y[:, :4], 5, axis=1) * tf.math.log(tf.nn.softmax(z))

    found = misread_output(flow_of(tagging(loss_of)))
    assert (found.axis, found.classes, found.given) == (2, 1, "softmax")


class ByHand(layers.Layer):
    """A softmax of the user's own."""

    def __init__(self, axis, name):
        super().__init__(name=name)
        self.axis = axis

    def call(self, scores):
        shares = keras.ops.exp(scores)
        return shares / keras.ops.sum(shares, axis=self.axis, keepdims=True)


def weighing(*, axis, units=1, softmax=layers.Softmax):
    """Steps of a series, weighed by a softmax of scores."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 6, 3)).astype("float32")
    series = keras.Input((6, 3))
    scores = layers.Dense(units)(series)
    weights = softmax(axis=axis, name="weights")(scores)
    pooled = keras.ops.sum(weights * series, axis=1)
    model = keras.Model(series, layers.Dense(1)(pooled))
    model.compile("sgd", "mse")
    return fit(model, x, x[:, 0, :1])


@pytest.mark.filterwarnings("ignore:(?s).*You are using a softmax:UserWarning")
@pytest.mark.parametrize(("axis", "units"), [(-1, 1), (2, 1), (1, 1), (-1, 3)])
@pytest.mark.parametrize("softmax", [layers.Softmax, ByHand])
def test_weights_of_one_each_are_noticed(axis, units, softmax):
    found = misread_output(flow_of(weighing(axis=axis, units=units, softmax=softmax)))
    if axis == 1 or units > 1:
        assert found is None
    else:
        assert (found.takes, found.layer, found.classes) == ("weights", "weights", 1)
        assert found.by_hand == ("Sum" if softmax is ByHand else "")


def counted(activation, power=tf.exp):
    """A loss of counts at rates that are made of predictions, whose logarithms it takes."""
    if power is tf.exp:
        loss_of = lambda y, p: tf.nn.log_poisson_loss(tf.abs(y), activation(p))  # noqa: E731
    else:
        loss_of = lambda y, p: power(activation(p)) - tf.abs(y) * activation(p)  # noqa: E731
    return own_step(lambda y, p: tf.reduce_mean(loss_of(y, p)), shape=(-1, 1))


@pytest.mark.parametrize("given", ["softplus", "relu", "sigmoid"])
def test_rates_whose_exponential_is_taken_are_noticed(given):
    found = misread_output(flow_of(counted(getattr(tf.nn, given))))
    assert (found.takes, found.given, found.layer, found.alone) == ("logarithms", given, "", True)
    assert 0 <= found.low < found.high


def test_rates_of_a_layer_are_noticed_with_it():
    def loss(y, p):
        return tf.nn.log_poisson_loss(tf.abs(y), p)

    last = layers.Dense(1, "softplus")
    found = misread_output(flow_of(regression(last, loss=loss)))
    assert (found.takes, found.given, found.layer) == ("logarithms", "softplus", last.name)


def logistic(z):
    return tf.math.log_sigmoid(z)


@pytest.mark.parametrize(
    "start",
    [
        lambda: counted(tf.identity),
        lambda: counted(tf.tanh),
        lambda: counted(lambda p: -tf.nn.softplus(p)),
        lambda: counted(lambda p: tf.math.log(tf.nn.softplus(p))),
        lambda: counted(logistic),
        lambda: counted(tf.nn.softplus, tf.square),
        lambda: regression(layers.Dense(1), layers.Lambda(lambda z: tf.exp(tf.nn.softplus(z)))),
        lambda: own_step(lambda y, p: tf.reduce_mean(tf.exp(tf.nn.relu(y)) * (p[:, 0] - y) ** 2)),
    ],
    ids=[
        "logarithms",
        "bounded",
        "negative rates",
        "logarithms of rates",
        "below 0",
        "no exponential",
        "layer",
        "weights of targets",
    ],
)
def test_what_is_no_rate_is_not(start):
    assert misread_output(flow_of(start())) is None


def test_exponentials_that_are_divided_by_their_sum_are_shares():
    def loss(y, p):
        scores = tf.exp(tf.nn.relu(tf.concat([p, -p], axis=1)))
        shares = scores / tf.reduce_sum(scores, axis=1, keepdims=True)
        return -tf.reduce_mean(y * tf.math.log(shares[:, 0]))

    found = misread_output(flow_of(own_step(loss)))
    assert found is None or found.takes != "logarithms"


@pytest.mark.parametrize(
    ("loss", "seen"),
    [
        (lambda y, p: -mixed(tf.nn.softmax(tf.concat([p, -p], 1), axis=0), y), True),
        (lambda y, p: -mixed(tf.nn.softmax(tf.concat([p, -p], 1), axis=1), y), False),
        # Of all pairs of rows each may have its share.
        (lambda y, p: -mixed(tf.nn.softmax(p @ tf.transpose(p), axis=0)[:, :2], y), False),
    ],
    ids=["rows", "columns", "pairs"],
)
def test_the_rows_of_a_batch_have_nothing_to_share(loss, seen):
    found = misread_output(flow_of(own_step(loss)))
    assert (found is not None and found.takes == "shares of rows") is seen


def mixed(weights, y):
    """The density of a mixture."""
    return tf.reduce_mean(tf.math.log(tf.reduce_sum(weights * tf.exp(-(y[:, None] ** 2)), 1)))
