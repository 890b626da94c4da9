"""Fit with a `tf.data` pipeline.

After keras.io "Structured data classification from scratch".
Sick: two ages are missing (NaN) in the table.
"""

import keras
import numpy as np
import tensorflow as tf

CAUSE, ALSO, VERB = "nonfinite-data", (), "fit"
EXPECT = {"steps": 200, "max_loss": 0.4}

rng = np.random.default_rng(4)
n = 288
frame = {
    "age": rng.integers(29, 77, n).astype("float32"),
    "chol": rng.normal(246, 50, n).astype("float32"),
    "sex": rng.integers(0, 2, n).astype("int32"),
}
target = (
    (frame["age"] - 50) / 12 + (frame["chol"] - 246) / 50 + frame["sex"] + rng.normal(0, 0.3, n)
    > 0.5
).astype("int32")
broken = dict(frame, age=frame["age"].copy())
broken["age"][[17, 200]] = np.nan


def dataframe_to_dataset(columns):
    return tf.data.Dataset.from_tensor_slices((dict(columns), target)).batch(32).prefetch(1)


def build():
    age, chol = keras.Input((1,), name="age"), keras.Input((1,), name="chol")
    sex = keras.Input((1,), name="sex", dtype="int32")
    features = keras.layers.concatenate(
        [
            keras.layers.Normalization(mean=50.0, variance=200.0)(age),
            keras.layers.Normalization(mean=246.0, variance=2500.0)(chol),
            keras.layers.CategoryEncoding(num_tokens=2, output_mode="one_hot")(sex),
        ]
    )
    x = keras.layers.Dense(32, activation="relu")(features)
    output = keras.layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model({"age": age, "chol": chol, "sex": sex}, output)
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


def healthy():
    return {"model": build, "x": dataframe_to_dataset(frame)}


def sick():
    return {"model": build, "x": dataframe_to_dataset(broken)}


def plain(arguments, steps):
    m, seen = arguments["model"], []
    for x, y in arguments["x"].repeat().take(steps):
        m.reset_metrics()
        columns = {name: tf.reshape(values, (-1, 1)) for name, values in x.items()}
        seen.append(m.train_on_batch(columns, y, return_dict=True)["loss"])
    return seen
