"""The loss of the best constant prediction of a model."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.data.batches import Chunk
from pytest_converge.training.measures.end_measures import inference, measure_model

ROWS = 40
LABELS = (np.arange(ROWS) % 10 == 0).astype("float32")[:, None]
#: Nine rows of label 0 weigh as much as one of label 1, so that 0.5 is the best constant.
WEIGHTS = np.where(LABELS[:, 0] == 1, 9.0, 1.0).astype("float32")


def measured(*parts, sizes=(ROWS,), loss="binary_crossentropy", units=1):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, "sigmoid")])
    model.compile("sgd", loss)
    x = np.zeros((ROWS, 2), "float32")
    arrays = [tf.constant(part) for part in (x, *parts)]
    model.train_on_batch(*arrays)
    edges = np.cumsum([0, *sizes])
    chunks = [
        Chunk(tuple(array[a:b] for array in arrays), int(b - a))
        for a, b in itertools.pairwise(edges)
    ]
    return measure_model(
        model, chunks, own_train_step=False, forward=lambda batch: inference(model, batch)
    )


@pytest.mark.parametrize("sizes", [(ROWS,), (24, 16), (13, 13, 13, 1)])
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((LABELS,), -(0.1 * np.log(0.1) + 0.9 * np.log(0.9))),
        ((LABELS, WEIGHTS), 1.8 * np.log(2)),
    ],
)
def test_the_best_constant_knows_the_weights(parts, expected, sizes):
    assert measured(*parts, sizes=sizes).constant_loss == pytest.approx(expected, rel=1e-5)


def test_a_loss_of_which_the_best_constant_is_not_known():
    assert measured(LABELS, loss="poisson").constant_loss is None


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("loss", ["mse", "mae", "sparse_categorical_crossentropy"])
def test_masked_steps_count_in_no_measure(loss, weighted):
    tokens = np.random.default_rng(0).integers(1, 9, (48, 6))
    tokens[:, 4:] = 0
    tokens[::3, 2:] = 0
    # What stands behind a sequence may be anything: no measure may read it.
    targets = np.where(tokens > 0, tokens % 3, 2 if "entropy" in loss else 1000)[..., None]
    weights = np.linspace(0.5, 2, tokens.size).reshape(tokens.shape) if weighted else None
    head = layers.Dense(3, "softmax") if "entropy" in loss else layers.Dense(1)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Embedding(9, 8, mask_zero=True),
            layers.GRU(12, return_sequences=True),
            head,
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), loss, metrics=["mae"] if loss == "mse" else [])
    given = (tokens, targets.astype("float32"), *([weights] if weighted else []))
    model.fit(*given[:2], sample_weight=weights, batch_size=16, verbose=0)
    evaluated = model.evaluate(
        *given[:2], sample_weight=weights, batch_size=48, verbose=0, return_dict=True
    )
    chunk = Chunk(tuple(tf.constant(part) for part in given), 48)
    forward = tf.function(lambda batch: inference(model, batch))
    found = measure_model(model, [chunk], own_train_step=False, forward=forward)
    assert found.reported_loss == pytest.approx(evaluated.pop("loss"), rel=1e-5)
    assert found.predicted_loss == pytest.approx(found.reported_loss, rel=1e-5)
    assert found.metrics == pytest.approx(evaluated, rel=1e-5)
    assert found.constant_loss < 2
