"""Fit with windows of `tf.data`.

From tensorflow.org tutorial "Time series forecasting" (WindowGenerator).
Sick: plain SGD at 1e-5.

Changed: a synthetic weather series in place of Jena's; Adam(0.01) stated; converge.fit in place of
model.fit.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "learning-rate-too-low", ("too-few-steps",), "fit"
EXPECT = {"steps": 200, "max_loss": 0.25}

hours = np.arange(1000)
rng = np.random.default_rng(2)
temperature = 9 + 8 * np.sin(hours * 2 * np.pi / 24) + rng.normal(0, 1.0, 1000)
pressure = 990 + 8 * np.cos(hours * 2 * np.pi / 96) + rng.normal(0, 1.0, 1000)
frame = np.stack([temperature, pressure], 1)
frame = (frame - frame.mean(0)) / frame.std(0)


class WindowGenerator:
    def __init__(self, input_width, label_width, shift):
        self.input_width, self.label_width = input_width, label_width
        self.total_window_size = input_width + shift

    def split_window(self, features):
        inputs = features[:, : self.input_width, :]
        labels = features[:, -self.label_width :, :1]
        inputs.set_shape([None, self.input_width, None])
        labels.set_shape([None, self.label_width, None])
        return inputs, labels

    def make_dataset(self, data):
        ds = tf.data.Dataset.from_tensor_slices(data.astype("float32"))
        ds = ds.window(self.total_window_size, shift=3, drop_remainder=True)
        ds = ds.flat_map(lambda w: w.batch(self.total_window_size)).batch(32)
        return ds.map(self.split_window)


window = WindowGenerator(input_width=12, label_width=1, shift=1)


def compile_(optimizer):
    multi_step_dense = keras.Sequential(
        [
            keras.Input((12, 2)),
            keras.layers.Flatten(),
            keras.layers.Dense(units=32, activation="relu"),
            keras.layers.Dense(units=1),
            keras.layers.Reshape([1, -1]),
        ]
    )
    multi_step_dense.compile(
        loss=keras.losses.MeanSquaredError(),
        optimizer=optimizer,
        metrics=[keras.metrics.MeanAbsoluteError()],
    )
    return multi_step_dense


def healthy():
    return {"model": lambda: compile_(keras.optimizers.Adam(0.01)), "x": window.make_dataset(frame)}


def sick():
    return {"model": lambda: compile_(keras.optimizers.SGD(1e-5)), "x": window.make_dataset(frame)}


def plain(arguments, steps):
    model, out = arguments["model"], []
    for batch in arguments["x"].repeat().take(steps):
        model.reset_metrics()
        out.append(model.train_on_batch(*batch, return_dict=True)["loss"])
    return [float(v) for v in out]
