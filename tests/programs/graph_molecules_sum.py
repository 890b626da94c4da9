"""Graph network over a batch of graphs (features and adjacency as two inputs).

Molecule regression.
Sick: "normalise rows" became "add 40 self loops": messages grow 40-fold a layer.
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = (
    "unscaled-features",
    ("learning-rate-too-high", "bad-initialisation", "exploding-gradient"),
    "fit",
)
EXPECT = {"steps": 250, "max_loss": 0.15}

rng = np.random.default_rng(137)
G, N = 256, 7
atoms = np.eye(4)[rng.integers(0, 4, (G, N))].astype("float32")
adj = np.triu(rng.uniform(size=(G, N, N)) < 0.35, 1)
adj = (adj | adj.transpose(0, 2, 1)).astype("float32")
# property: number of bonds between unlike atoms of kind 0 and 1, standardised
bonds = np.einsum("gij,gi,gj->g", adj, atoms[..., 0], atoms[..., 1])
y = ((bonds - bonds.mean()) / bonds.std()).astype("float32")[:, None]
mean_adj = (adj + np.eye(N)) / 3.0
bad_adj = adj * 40 + 40 * np.eye(N)


def build():
    h0 = keras.Input((N, 4), name="atoms")
    a = keras.Input((N, N), name="adjacency")
    h = h0
    for _ in range(2):
        h = layers.Dense(24, activation="relu")(
            layers.Concatenate()([h, layers.Dot((2, 1))([a, h])])
        )
    out = layers.Dense(1)(layers.Dense(16, activation="relu")(layers.GlobalAveragePooling1D()(h)))
    model = keras.Model([h0, a], out)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def healthy():
    return {"model": build, "x": [atoms, mean_adj.astype("float32")], "y": y}


def sick():
    return {"model": build, "x": [atoms, bad_adj.astype("float32")], "y": y}


def plain(arguments, steps):
    a, out = arguments, []
    for i in range(steps):
        s = slice(i % 8 * 32, i % 8 * 32 + 32)
        a["model"].reset_metrics()
        out.append(float(a["model"].train_on_batch([v[s] for v in a["x"]], a["y"][s])))
    return out
