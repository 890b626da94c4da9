"""Which columns of a layer's output an operation is given."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.output_columns import output_columns
from tests.training.measures.steps import flow_of, regression

LOG = tf.math.log
SEEN = {
    "one": (lambda p: LOG(p[:, 1:2]), (1, 2)),
    "one of rank 1": (lambda p: LOG(p[:, 0]), (0, 1)),
    "split": (lambda p: LOG(tf.split(p, 3, axis=-1)[1]), (1, 2)),
    "split unevenly": (lambda p: LOG(tf.split(p, [1, 2], axis=-1)[1]), (1, 3)),
    "unstacked": (lambda p: LOG(tf.unstack(p, axis=-1)[2]), (2, 3)),
    "by Keras": (lambda p: keras.ops.log(keras.ops.squeeze(p[:, 1:2], -1)), (1, 2)),
    "a little added": (lambda p: LOG(p[:, 1:] + 1e-6), (1, 3)),
    "times a constant": (lambda p: LOG(6.28 * p[:, 1:]), (1, 3)),
    "all": (LOG, (0, 3)),
    "not side by side": (lambda p: LOG(tf.gather(p, [0, 2], axis=1)), None),
    "made positive": (lambda p: LOG(tf.nn.softplus(p)), None),
    "of two": (lambda p: LOG(p[:, :1] + p[:, 1:2]), None),
    "by a vector": (lambda p: LOG(p + tf.constant([1.0, 2.0, 3.0])), None),
    "of the targets": (lambda p: LOG(tf.constant(-1.0)) * p, None),
}


@pytest.mark.parametrize(("of", "columns"), SEEN.values(), ids=SEEN)
def test_the_columns_of_an_output_are_found(of, columns):
    head = layers.Dense(3, name="head")
    flow = flow_of(regression(head, loss=lambda y, p: tf.reduce_mean(of(p)) + 0.0 * y))
    (log,) = (each for each in flow.recording.operations if each.kind == "Log")
    found = output_columns(flow, log.inputs[0])
    if columns is None:
        assert found is None
    else:
        assert (found.layer, found.first, found.end, found.width) == ("head", *columns, 3)
        assert found.whole == (columns == (0, 3))
