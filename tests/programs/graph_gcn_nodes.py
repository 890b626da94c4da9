"""Graph network (adjacency matmul), all nodes as one batch.

Two-layer GCN.
Sick: dropout 0.97 was meant to be 0.03.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "regularisation-too-strong", (), "fit"
EXPECT = {"steps": 150, "max_loss": 0.25, "monotone": "off"}

rng = np.random.default_rng(131)
N = 60
community = np.repeat([0, 1, 2], 20)
prob = np.where(community[:, None] == community[None], 0.3, 0.03)
A = np.triu(rng.uniform(size=(N, N)) < prob, 1)
A = (A | A.T).astype("float32") + np.eye(N, dtype="float32")
D = A.sum(1)
A_hat = (A / np.sqrt(D[:, None] * D[None])).astype("float32")
feats = (np.eye(3)[community] + rng.normal(0, 0.8, (N, 3))).astype("float32")


class GraphConv(keras.layers.Layer):
    def __init__(self, units, adjacency, activation=None):
        super().__init__()
        self.dense = keras.layers.Dense(units, use_bias=False)
        self.adjacency = tf.constant(adjacency)
        self.activation = keras.activations.get(activation)

    def call(self, h):
        return self.activation(tf.matmul(self.adjacency, self.dense(h)))


def gcn(rate):
    model = keras.Sequential(
        [
            keras.Input((3,), batch_size=N),
            GraphConv(16, A_hat, "relu"),
            keras.layers.Dropout(rate),
            GraphConv(3, A_hat),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return model


def healthy():
    return {
        "model": lambda: gcn(0.03),
        "x": feats,
        "y": community,
        "batch_size": N,
        "shuffle": False,
    }


def sick():
    return {
        "model": lambda: gcn(0.97),
        "x": feats,
        "y": community,
        "batch_size": N,
        "shuffle": False,
    }


def compared():
    return dict(healthy(), model=lambda: gcn(0.0))


def plain(arguments, steps):
    out = []
    for _ in range(steps):
        arguments["model"].reset_metrics()
        out.append(arguments["model"].train_on_batch(feats, community, return_dict=True)["loss"])
    return out
