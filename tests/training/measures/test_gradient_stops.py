"""Where a gradient ends on its way from the loss to a variable."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.measures.gradient_stops import (
    GradientStop,
    gradient_stop,
    in_words,
    unreached,
)
from tests.training.measures.steps import flow_of, own_step, regression
from tests.zoo.problems import fit
from tests.zoo.trainings import training_of


def mean(of):
    return lambda y, p: tf.reduce_mean(tf.cast(of(y[:, None], p), tf.float32))


STOPS = {
    "comparison >=": mean(lambda y, p: (y - tf.where(p >= 0.5, 1.0, 0.0)) ** 2),
    "comparison <": mean(lambda y, p: tf.cast(p < y, tf.float32)),
    "rounding": mean(lambda y, p: (y - tf.round(p)) ** 2),
    "floor": mean(lambda y, p: (y - tf.floor(p)) ** 2),
    "cast to int32": mean(lambda y, p: (y - tf.cast(tf.cast(p, tf.int32), tf.float32)) ** 2),
    "stop_gradient": mean(lambda y, p: (y - tf.stop_gradient(p)) ** 2),
    "argmax": mean(lambda y, p: (y - tf.cast(tf.argmax(p, -1), tf.float32)[:, None]) ** 2),
}


@pytest.mark.parametrize("words", STOPS)
def test_a_step_without_a_gradient_is_an_error_that_names_the_operation(words):
    """Also where the step is only traced."""
    with pytest.raises(InvalidTrainingError, match=f"the {words} in train_step has none"):
        training_of(own_step(STOPS[words])).rehearse()


@pytest.mark.parametrize(("loss", "words"), [("mine", "mine"), ("", "the loss")])
def test_what_stands_outside_of_any_layer_is_in_the_loss(loss, words):
    assert in_words(GradientStop(operation="rounding"), loss) == f"the rounding in {words}"


def chosen(hard):
    """A decoder of the class that an encoder chooses, by number or by probability."""
    inputs = keras.Input((4,))
    encoded = layers.Dense(3, "softmax", name="encoder")(inputs)
    read = layers.Embedding(3, 2)(keras.ops.argmax(encoded, -1)) if hard else encoded
    model = keras.Model(inputs, layers.Dense(1, name="decoder")(read))
    model.compile("sgd", "mse")
    return fit(model, np.random.default_rng(0).normal(size=(32, 4)), np.ones((32, 1)))


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_the_layer_before_an_operation_in_the_model_is_named():
    flow = flow_of(chosen(hard=True))
    lost = unreached(flow)
    assert [tuple(v.shape) for v in lost] == [(4, 3), (3,)]
    assert in_words(gradient_stop(flow, lost[0]), "") == "the argmax behind encoder"


@pytest.mark.parametrize("start", [chosen(hard=False), regression()], ids=["soft", "linear"])
def test_a_gradient_that_arrives_ends_nowhere(start):
    assert unreached(flow_of(start)) == []


class Idle(keras.Model):
    """Has a layer that it does not use."""

    def __init__(self):
        super().__init__()
        self.used, self.idle = layers.Dense(1), layers.Dense(1)

    def build(self, shape):
        self.used.build(shape)
        self.idle.build(shape)

    def call(self, x):
        return self.used(x)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_what_the_loss_does_not_read_has_no_such_operation():
    model = Idle()
    model.compile("sgd", "mse")
    flow = flow_of(fit(model, np.ones((8, 4), "float32"), np.ones((8, 1))))
    lost = unreached(flow)
    assert len(lost) == 2
    assert gradient_stop(flow, lost[0]) is None
