"""Sums over the neighbours in a graph, as means of them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.neighbours import averaged_neighbours
from tests.zoo.problems import fit, minimize, sequential
from tests.zoo.trainings import training_of

RNG = np.random.default_rng(0)
NODES = 12
GRAPH = np.maximum(np.eye(NODES), RNG.random((NODES, NODES)) < 0.6).astype("float32")
GRAPH[3] = 0.0  # a node without neighbours
FEATURES = RNG.normal(size=(NODES, 2)).astype("float32")


class Neighbours(layers.Layer):
    """Adds up neighbours, then a dense layer."""

    def __init__(self, graph):
        super().__init__(name="neighbours")
        self.graph, self.dense = tf.constant(graph), layers.Dense(1)

    def call(self, inputs):
        return self.dense(tf.matmul(self.graph, inputs))


def held(graph):
    model = sequential(Neighbours(graph), optimizer=optimizers.SGD(0.1), loss="mse", shape=(2,))
    return training_of(fit(model, FEATURES, FEATURES[:, :1], batch_size=NODES, shuffle=False))


def batched():
    nodes, edges = keras.Input((NODES, 2)), keras.Input((NODES, NODES))
    summed = layers.Dense(1)(layers.Dot(axes=(2, 1))([edges, nodes]))
    model = keras.Model([nodes, edges], layers.GlobalAveragePooling1D()(summed))
    model.compile(optimizers.SGD(0.1), "mse")
    x = [RNG.normal(size=(8, NODES, 2)).astype("float32"), np.stack([GRAPH] * 8)]
    return training_of(fit(model, x, np.zeros((8, 1), "float32")))


def pasted(line, **names):
    exec(line, {"np": np, "tf": tf}, names)  # noqa: S102 - a line of our own
    return names


def test_the_line_divides_by_the_sums_of_the_rows():
    mean, symmetric = averaged_neighbours(held(GRAPH))
    assert (mean.where, mean.change) == (
        ("self.graph",),
        "self.graph divided by the sums of its rows",
    )
    owner = type("Owner", (), {"graph": tf.constant(GRAPH)})()
    sums = pasted(mean.fix, self=owner)["self"].graph.numpy().sum(axis=1)
    np.testing.assert_allclose(sums, np.where(np.arange(NODES) == 3, 0, 1), rtol=1e-5)
    owner.graph = tf.constant(GRAPH)
    norm = np.linalg.norm(pasted(symmetric.fix, self=owner)["self"].graph.numpy(), 2)
    assert norm == pytest.approx(1.0, abs=0.2)


def test_what_is_trained_with_is_what_the_line_makes():
    training = held(GRAPH)
    mean = averaged_neighbours(training)[0]
    layer = training.model.layers[0]
    with mean.variant(training):
        inside = layer(FEATURES)
    sums = np.maximum(GRAPH.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(inside, layer.dense((GRAPH / sums) @ FEATURES), rtol=1e-4, atol=1e-6)


def test_neighbours_in_the_batch_are_changed_there():
    training = batched()
    mean = averaged_neighbours(training)[0]
    data = mean.data(training.rows_in_memory)
    made = pasted(mean.fix, x=[None, np.stack([GRAPH] * 8)])["x"][1]
    np.testing.assert_allclose(data.arrays[0][1], made, rtol=1e-5)
    assert (mean.where, mean.variant) == (("x[1]",), None)


@pytest.mark.parametrize(
    "graph",
    [GRAPH / np.maximum(GRAPH.sum(axis=1, keepdims=True), 1), GRAPH - 0.5],
    ids=["means", "no counts"],
)
def test_what_makes_nothing_larger_stays(graph):
    assert not averaged_neighbours(held(graph.astype("float32")))


def test_the_matrix_of_an_equation_is_its_own():
    w = tf.Variable(tf.ones((NODES, 1)))
    loss = lambda: tf.reduce_mean((GRAPH @ tf.nn.relu(w) - FEATURES[:, :1]) ** 2)  # noqa: E731
    assert not averaged_neighbours(training_of(minimize(loss, [w], optimizers.SGD(0.1))))
