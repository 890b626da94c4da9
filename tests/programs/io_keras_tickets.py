"""Several inputs and outputs.

From keras.io guide "The Functional API" (ranking customer issue tickets by priority and
department).
Sick: the department head got a softmax (and a Reshape), its loss still says from_logits=True.

Changed: smaller vocabularies and layers; labels that depend on the inputs in place of np.random;
converge.fit in place of model.fit.
"""

import keras
import numpy as np
from keras import layers

CAUSE, ALSO, VERB = "output-loss-mismatch", (), "fit"
EXPECT = {"steps": 250, "max_loss": 0.1}

num_tags, num_words, num_departments = 6, 30, 4
rng = np.random.default_rng(43)
title_data = rng.integers(num_words, size=(256, 5))
body_data = rng.integers(num_words, size=(256, 12))
tags_data = rng.integers(2, size=(256, num_tags)).astype("float32")
priority_targets = (tags_data[:, :1] + tags_data[:, 1:2] > 1).astype("float32")
dept_targets = np.eye(num_departments, dtype="float32")[(title_data[:, 0] // 8).clip(0, 3)]


def make(softmax=False):
    title_input = keras.Input(shape=(5,), name="title", dtype="int32")
    body_input = keras.Input(shape=(12,), name="body", dtype="int32")
    tags_input = keras.Input(shape=(num_tags,), name="tags")
    title_features = layers.Flatten()(layers.Embedding(num_words, 8)(title_input))
    body_features = layers.GlobalAveragePooling1D()(layers.Embedding(num_words, 8)(body_input))
    x = layers.concatenate([title_features, body_features, tags_input])
    priority_pred = layers.Dense(1, name="priority")(x)
    if softmax:
        department_pred = layers.Dense(num_departments, activation="softmax")(x)
        department_pred = layers.Reshape((num_departments,), name="department")(department_pred)
    else:
        department_pred = layers.Dense(num_departments, name="department")(x)
    model = keras.Model(
        inputs=[title_input, body_input, tags_input],
        outputs={"priority": priority_pred, "department": department_pred},
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.02),
        loss={
            "priority": keras.losses.BinaryCrossentropy(from_logits=True),
            "department": keras.losses.CategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"priority": 1.0, "department": 0.2},
    )
    return model


x = {"title": title_data, "body": body_data, "tags": tags_data}
y = {"priority": priority_targets, "department": dept_targets}


def healthy():
    return {"model": make, "x": x, "y": y}


def sick():
    return {"model": lambda: make(True), "x": x, "y": y}


def plain(arguments, steps):
    losses = []
    for i in range(steps):
        s = slice(32 * (i % 8), 32 * (i % 8) + 32)
        arguments["model"].reset_metrics()
        losses.append(
            arguments["model"].train_on_batch(
                {k: v[s] for k, v in arguments["x"].items()},
                {k: v[s] for k, v in arguments["y"].items()},
                return_dict=True,
            )["loss"]
        )
    return losses
