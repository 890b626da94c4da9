"""The terms of a loss."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.measures.loss_terms import loss_terms
from tests.measured import left_alone
from tests.training.measures.steps import regression
from tests.zoo.problems import minimize
from tests.zoo.trainings import training_of


def terms_of(loss, *values):
    variables = [tf.Variable(value) for value in values]
    training = training_of(minimize(lambda: loss(*variables), variables, optimizers.SGD(0.1)))
    with left_alone(training):
        return loss_terms(training)


def test_each_term_has_its_value_its_weight_and_its_slope():
    first, second = terms_of(lambda a, b: a**2 + 200.0 * b**2, 3.0, 1.0)
    assert (first.weight, first.value, first.rest) == (None, 9.0, 200.0)
    assert (first.slope, first.slope_of_rest) == (6.0, 400.0)
    assert (second.weight, second.value, second.rest) == (200.0, 200.0, 9.0)
    assert (second.slope, second.slope_of_rest) == (400.0, 6.0)


def test_sums_of_sums_and_differences_are_one_sum():
    found = terms_of(lambda a, b: (a**2 + b**2) - (2.0 * a * b - 0.5 * b), 3.0, 1.0)
    assert [term.value for term in found] == [9.0, 1.0, -6.0, 0.5]
    assert all(term.value + term.rest == pytest.approx(4.5) for term in found)


ROWS = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])


@pytest.mark.parametrize(
    ("loss", "penalties"),
    [
        (lambda a, b: tf.reduce_mean((ROWS @ a - b) ** 2) + 0.1 * tf.nn.l2_loss(a), [False, True]),
        (lambda a, b: tf.reduce_sum(a**2) + tf.reduce_mean((ROWS @ a - b) ** 2), [True, False]),
        (lambda a, b: tf.reduce_mean((ROWS @ a) ** 2) + tf.reduce_sum(ROWS[0] * b), [False] * 2),
        # Of a landscape without data a norm alone is a penalty, and no one beside another.
        (lambda a, b: tf.reduce_sum(a**2) + 100.0 * tf.reduce_sum(b**2), [False] * 2),
        (lambda a, b: tf.reduce_sum((1.0 - a) ** 2) + 9.0 * tf.reduce_sum(abs(b)), [False, True]),
        (lambda a, b: tf.reduce_sum((b - a**2) ** 2) + 0.3 * tf.reduce_sum(a), [False] * 2),
        (lambda a, b: tf.reduce_sum((1.0 - a) ** 2) + tf.reduce_sum(b**4), [False] * 2),
        (lambda a, b: 2.0 * tf.reduce_sum(a**4) - tf.reduce_sum((b - 1.0) ** 2), [False] * 2),
        (lambda a, b: tf.reduce_mean((ROWS @ a - b) ** 2) + 3.0 * tf.reduce_sum(ROWS), [False] * 2),
    ],
    ids=["weight", "first", "data in both", "norms", "a norm", "tilt", "no weight", "less", "none"],
)
def test_a_penalty_is_made_of_the_variables_alone(loss, penalties):
    found = terms_of(loss, [[1.0], [2.0]], [0.5])
    assert [term.is_penalty for term in found] == penalties


@pytest.mark.parametrize(
    "loss",
    [lambda a, b: (a + b) ** 2, lambda a, b: tf.reduce_mean(tf.stack([a, b]) ** 2)],
    ids=["inside", "mean"],
)
def test_a_loss_of_one_term_has_none(loss):
    assert terms_of(loss, 3.0, 1.0) == ()


def test_what_keras_adds_up_is_known_by_its_settings():
    assert loss_terms(training_of(regression())) == ()


def test_a_constant_is_no_data_beside_which_a_landscape_would_be_a_penalty():
    found = terms_of(lambda a, b: (a - 2.0) ** 4 - 4.0 * (a - 2.0) ** 2 + 5.0 + 0.5 * b, 3.3, 1.0)
    assert [term.is_penalty for term in found] == [False] * 4
    found = terms_of(lambda a, b: (a - 2.0) ** 4 + 5.0 + 0.5 * b**2, 3.3, 1.0)
    assert [term.is_penalty for term in found] == [False, False, True]
