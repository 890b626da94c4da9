"""Terms of a loss that weigh less."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.lighter_terms import lighter
from pytest_converge.training.measures.loss_terms import loss_terms
from tests.zoo.problems import fit, linear, step
from tests.zoo.trainings import training_of


class Weighted(keras.Model):
    """A loss of two terms, the weight of the second an attribute."""

    def __init__(self, beta):
        super().__init__()
        self.head, self.beta = layers.Dense(1), beta

    def call(self, x):
        return self.head(x)

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        return tf.reduce_mean((y_pred - y) ** 2) + self.beta * tf.reduce_mean(y_pred**2)


def weighted():
    keras.utils.set_random_seed(0)
    model = Weighted(50.0)
    model.compile(optimizers.SGD(0.1))
    return training_of(fit(model, *linear(0, rows=32)))


def stepping():
    w, sgd = tf.Variable([1.0, 3.0]), optimizers.SGD(0.0)

    @tf.function
    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w) + 50.0 * tf.reduce_sum(w**2)
        sgd.apply([tape.gradient(loss, w)], [w])
        return loss

    return training_of(step(train_step, variables=[w], optimizer=sgd))


@pytest.mark.parametrize("share", [0.0, 0.1])
@pytest.mark.parametrize("make", [weighted, stepping])
def test_the_loss_has_a_share_of_the_term(make, share):
    training = make()
    batch = training.first_batch()
    term = loss_terms(training)[1]
    before = float(training.step(batch))
    change = lighter(training, term, share)
    assert change.change == f"weight {50 * share:g} instead of 50"
    training = make()
    with change.variant(training), training.traced_anew():
        compiled = tf.function(training.step, autograph=False)
        assert float(compiled(batch)) == pytest.approx(term.rest + share * term.value, rel=1e-3)
    assert before == pytest.approx(term.rest + term.value, rel=1e-3)


def test_the_loss_on_the_probe_set_has_a_share_of_the_term_as_well():
    training = weighted()
    batch, term = training.first_batch(), loss_terms(training)[1]
    with lighter(training, term, 0.0).variant(training), training.traced_anew():
        compiled = tf.function(training.probe, autograph=False)
        assert float(compiled(batch)) == pytest.approx(term.rest, rel=1e-3)


def test_the_attribute_that_holds_the_weight_is_named():
    training = weighted()
    term = loss_terms(training)[1]
    assert lighter(training, term, 0.1).fix == "model.beta = 5.0"
    line = "return tf.reduce_mean((y_pred - y) ** 2) + 0.0 * tf.reduce_mean(y_pred**2)  # test_"
    assert lighter(training, term, 0.0).fix.startswith(line)
