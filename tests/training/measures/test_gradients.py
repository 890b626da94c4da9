"""The gradient of a training's own step, against closed forms and a tape."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.gradients import (
    MOST_ROWS,
    StepGradient,
    cut,
    flat,
    measured_rows,
    undisturbed,
)
from tests.measured import left_alone
from tests.zoo.problems import compiled_step, fit, linear, minimize, sequential
from tests.zoo.trainings import training_of


def parabola():
    w, b = tf.Variable([3.0, -1.0]), tf.Variable(0.5)
    start = minimize(lambda: tf.reduce_sum(w**2) + 4 * b, [w, b], optimizers.SGD(0.1, clipnorm=0.1))
    return training_of(start)


def regression(rows=20, **options):
    parts = [layers.Dense(3, "tanh"), layers.Dropout(0.5), layers.Dense(1)]
    model = sequential(*parts, optimizer="adam", loss="mse", shape=(4,))
    return training_of(fit(model, *linear(0, rows=rows), batch_size=8, **options))


@pytest.mark.parametrize("trace", [True, False])
def test_the_gradient_is_that_before_clipping_and_nothing_is_updated(trace):
    training = parabola()
    with left_alone(training):
        w, b = StepGradient(training, trace=trace)(None)
    np.testing.assert_allclose(w, [6.0, -2.0])
    np.testing.assert_allclose(b, 4.0)


def test_the_same_random_numbers_are_drawn_each_time():
    training = regression()
    gradient, batch = StepGradient(training), training.chunks(8)[0].batch
    with left_alone(training):
        first, second = gradient(batch), gradient(batch)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_own_step_is_asked_too():
    training = training_of(compiled_step(0))
    batch = next(iter(training.data.batches()))
    with left_alone(training):
        found = StepGradient(training)(batch)
    assert [part.shape for part in found] == [tuple(v.shape) for v in training.trainable]
    assert np.abs(flat(found)).max() > 0


def test_a_step_without_an_observed_optimizer_has_none():
    training = parabola()
    training.optimizers = ()
    training.bare_step = lambda _: tf.constant(1.0)
    assert StepGradient(training)(None) is None
    assert StepGradient(training).mean(measured_rows(training)) is None


def test_the_mean_over_chunks_is_weighted_by_their_rows():
    x, y = linear(0, rows=20)
    model = sequential(layers.Dense(1), optimizer="sgd", loss="mse", shape=(4,))
    training = training_of(fit(model, x, y, batch_size=8))
    whole, parts = training.data.probe(20, 20), training.data.probe(20, 8)
    assert [chunk.rows for chunk in parts] == [8, 8, 4]
    gradient = StepGradient(training)
    one, other = gradient.mean(whole), gradient.mean(parts)
    np.testing.assert_allclose(flat(one), flat(other), rtol=1e-5)


def test_a_closure_is_measured_as_a_whole_and_data_up_to_a_limit():
    assert [chunk.rows for chunk in measured_rows(parabola())] == [1]
    assert sum(chunk.rows for chunk in measured_rows(regression(20))) == 20
    assert sum(chunk.rows for chunk in measured_rows(regression(MOST_ROWS + 50))) == MOST_ROWS


def test_variables_are_put_back_whatever_happens():
    training = parabola()
    with left_alone(training), contextlib.suppress(KeyboardInterrupt), undisturbed(training):
        training.trainable[0].assign([7.0, 7.0])
        raise KeyboardInterrupt


def test_a_flat_vector_is_cut_into_the_shapes_of_the_variables():
    variables = [tf.zeros((2, 3)), tf.zeros(()), tf.zeros(4)]
    vector = np.arange(11.0)
    parts = cut(vector, variables)
    assert [part.shape for part in parts] == [(2, 3), (), (4,)]
    np.testing.assert_array_equal(flat(parts), vector)
