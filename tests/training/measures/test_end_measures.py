"""The loss of the best constant prediction of a model."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

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
