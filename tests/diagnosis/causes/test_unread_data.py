"""A loss that is computed without something that it should be learnt from."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from tests.diagnosis.programs import diagnosis_of
from tests.zoo.problems import fit, linear, sequential


def first_row(y, p):
    return tf.square(y - p)[0]


def smallness(y, p):
    return tf.square(p - 1.0) + 1.0 + 0.0 * tf.cast(tf.shape(y)[0], tf.float32)


@pytest.mark.parametrize(
    ("loss", "message", "where"),
    [
        (first_row, "rows 17 to 64 of the 64 of a batch have no influence on its loss", ()),
        (smallness, "the loss does not read y: any other values give the same loss", ("y",)),
    ],
    ids=["rows", "targets"],
)
def test_what_the_loss_does_not_read_is_said(loss, message, where):
    x, _ = linear(0)
    y = np.sign(x[:, :1] * x[:, 1:2])
    parts = [layers.Dense(4, "tanh"), layers.Dense(1)]
    model = sequential(*parts, optimizer=optimizers.Adam(0.03), loss=loss, shape=(4,))
    start = fit(model, x, y, batch_size=64)
    found = diagnosis_of(start, steps=40, max_loss=1e-9)
    assert (found.cause, found.message, found.where) == ("unread-data", message, where)
    assert not found.proven
