"""Logits that no weights bring out of a range."""

from __future__ import annotations

import math

import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures.bounded_logits import bounded_logits
from tests.training.measures.steps import classifying
from tests.zoo.problems import wine
from tests.zoo.trainings import training_of

SPARSE = tf.nn.sparse_softmax_cross_entropy_with_logits


def wine_under(*parts, scale=1.0):
    x, y = wine()
    return training_of(
        classifying(x, y.astype("int32"), *parts, loss_of=lambda y, z: SPARSE(y, scale * z))
    )


def test_cosines_are_never_sure_of_a_class():
    found = bounded_logits(wine_under(layers.Dense(3), layers.UnitNormalization()))
    assert (found.low, found.high, found.classes) == (-1.0, 1.0, 3)
    assert 0.9 < found.farthest <= 1.0
    assert found.floor == pytest.approx(math.log(1 + 2 * math.exp(-2)))


@pytest.mark.parametrize(
    ("parts", "scale"),
    [([layers.Dense(3)], 1e-3), ([layers.Dense(3), layers.UnitNormalization()], 10.0)],
    ids=["small logits", "temperature"],
)
def test_logits_that_weights_or_a_temperature_make_large_have_no_range(parts, scale):
    assert bounded_logits(wine_under(*parts, scale=scale)) is None
