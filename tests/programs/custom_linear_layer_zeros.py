"""Custom layers.

From keras.io guide "Making new layers and models via subclassing" (class Linear, MLPBlock).
Sick: the weights are added with initializer="zeros".

Changed: a regression on synthetic rows; SGD(0.1); converge.fit in place of model.fit.
"""

import keras
import numpy as np
from keras import ops

CAUSE, ALSO, VERB = "bad-initialisation", ("saddle-point",), "fit"
EXPECT = {"steps": 300, "max_loss": 0.15}

r = np.random.default_rng(23)
X = r.normal(size=(256, 4)).astype("float32")
Y = (np.abs(X[:, :1]) - X[:, 1:2] * 0.5 + 0.3).astype("float32")


class Linear(keras.layers.Layer):
    def __init__(self, units=32, initializer="glorot_uniform"):
        super().__init__()
        self.units = units
        self.initializer = initializer

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer=self.initializer, trainable=True
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b


class MLPBlock(keras.Model):
    def __init__(self, initializer):
        super().__init__()
        self.linear_1 = Linear(32, initializer)
        self.linear_2 = Linear(32, initializer)
        self.linear_3 = Linear(1, initializer)

    def call(self, inputs):
        x = keras.activations.relu(self.linear_1(inputs))
        x = keras.activations.relu(self.linear_2(x))
        return self.linear_3(x)


def make(initializer):
    model = MLPBlock(initializer)
    model(X[:1])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mean_squared_error")
    return model


def healthy():
    return {"model": lambda: make("glorot_uniform"), "x": X, "y": Y}


def sick():
    return {"model": lambda: make("zeros"), "x": X, "y": Y}


def plain(arguments, steps):
    model, out = arguments["model"], []
    for i in range(steps):
        k = (i * 32) % 256
        model.reset_metrics()
        out.append(float(model.train_on_batch(X[k : k + 32], Y[k : k + 32])))
    return out
