"""Logits times a number, in whatever takes them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.interventions.sharper_logits import sharper
from pytest_converge.training.measures.bounded_logits import BoundedLogits
from tests.training.interventions.trainings import written

KINDS = frozenset({"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"})
FOUND = BoundedLogits(low=-1.0, high=1.0, farthest=1.0, classes=3, kinds=KINDS)


@pytest.mark.parametrize("sparse", [True, False])
def test_logits_are_multiplied_while_the_change_lasts(sparse):
    logits = tf.constant([[0.5, -0.5, 0.1]])

    def entropy(given):
        if sparse:
            return tf.nn.sparse_softmax_cross_entropy_with_logits([1], given)
        return tf.nn.softmax_cross_entropy_with_logits([[0.0, 1.0, 0.0]], given)

    change = sharper(written(), FOUND, 20.0)
    sharp, plain = entropy(20.0 * logits), entropy(logits)
    with change.variant(None):
        np.testing.assert_allclose(entropy(logits), sharp, rtol=1e-6)
    np.testing.assert_allclose(entropy(logits), plain, rtol=1e-6)
    assert change.fix == "logits = 20 * logits"
