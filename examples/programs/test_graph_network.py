"""A graph convolution: the community of each node, from its features and its neighbours'.

The whole graph is one row of the data, so that its nodes stay in their order. A step sees all of
it: a loss that never rises is expected.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

NODES = 60
rng = np.random.default_rng(0)
community = np.repeat([0, 1, 2], NODES // 3)
likely = np.where(community[:, None] == community, 0.3, 0.03)
edges = np.triu(rng.uniform(size=(NODES, NODES)) < likely, 1)
adjacency = (edges | edges.T) + np.eye(NODES)
degrees = adjacency.sum(1)
normalised = (adjacency / np.sqrt(np.outer(degrees, degrees))).astype("float32")
features = (np.eye(3)[community] + rng.normal(0, 0.8, (NODES, 3))).astype("float32")


class GraphConvolution(keras.layers.Layer):
    def __init__(self, units, activation=None):
        super().__init__()
        self.dense = keras.layers.Dense(units, use_bias=False)
        self.activation = keras.activations.get(activation)

    def call(self, nodes):
        return self.activation(tf.matmul(tf.constant(normalised), self.dense(nodes)))


def network():
    model = keras.Sequential(
        [
            keras.Input((NODES, 3)),
            GraphConvolution(16, "relu"),
            GraphConvolution(3),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, metrics=["accuracy"])
    return model


@pytest.mark.converges(
    steps=150, max_loss=0.3, monotone="strict", metrics={"accuracy": (0.9, None)}
)
def test_graph_convolution(converge):
    converge.fit(network, features[None], community[None])
