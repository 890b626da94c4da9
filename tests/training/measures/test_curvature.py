"""Hessian eigenvalues against closed forms."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.measures import curvature as module
from pytest_converge.training.measures.curvature import curvature, lanczos, stability_limit
from tests.measured import left_alone
from tests.zoo.problems import HEALTHY, compiled_step, fit, linear, minimize, sequential, vae
from tests.zoo.trainings import running, training_of


def quadratic(eigenvalues, start=0.3):
    """Half of w' diag(eigenvalues) w: its Hessian has these eigenvalues."""
    w = tf.Variable(tf.fill([len(eigenvalues)], start))
    return minimize(
        lambda: 0.5 * tf.reduce_sum(tf.constant(eigenvalues) * w**2), [w], keras.optimizers.SGD(0.1)
    )


def least_squares(rows=64):
    x, y = linear(0, rows=rows)
    model = sequential(
        keras.layers.Dense(1, use_bias=False), optimizer=keras.optimizers.SGD(0.1), loss="mse"
    )
    return fit(model, x, y), np.linalg.eigvalsh(2 * x.T.astype(np.float64) @ x / rows)


@pytest.mark.parametrize(
    "eigenvalues", [[4.0], [2.0, 2.0], [1.0, 10.0], [-3.0, 0.5, 8.0], [-2.0, -1.0]]
)
def test_quadratics_are_exact(eigenvalues):
    training = training_of(quadratic(eigenvalues))
    with left_alone(training):
        found = curvature(training)
    assert found.exact
    assert found.largest == pytest.approx(max(eigenvalues), rel=1e-5)
    assert found.smallest == pytest.approx(min(eigenvalues), rel=1e-5)
    magnitude = max(abs(value) for value in eigenvalues)
    assert found.ratio == pytest.approx(min(eigenvalues) / magnitude, rel=1e-5)


def test_the_direction_of_the_smallest():
    found = curvature(training_of(quadratic([5.0, -1.0, 3.0])))
    (direction,) = found.direction_of_smallest
    np.testing.assert_allclose(np.abs(direction), [0, 1, 0], atol=1e-5)


def test_directions_have_the_shapes_of_the_variables():
    a, b = tf.Variable(tf.ones((2, 3))), tf.Variable(1.0)
    loss = lambda: tf.reduce_sum(a**2) - 3.0 * b**2  # noqa: E731
    found = curvature(training_of(minimize(loss, [a, b], keras.optimizers.SGD(0.1))))
    assert [part.shape for part in found.direction_of_smallest] == [(2, 3), ()]
    assert (found.largest, found.smallest) == pytest.approx((2.0, -6.0), rel=1e-5)


def test_least_squares_has_the_spectrum_of_its_features():
    start, eigenvalues = least_squares()
    found = curvature(running(start).training)
    assert (found.exact, found.rows) == (True, 64)
    assert found.largest == pytest.approx(eigenvalues[-1], rel=1e-4)
    assert found.smallest == pytest.approx(eigenvalues[0], rel=1e-4)


def test_differences_agree_with_differentiating(monkeypatch):
    start, eigenvalues = least_squares()
    monkeypatch.setattr(module, "_by_tapes", lambda *_: None)
    found = curvature(running(start).training)
    assert not found.exact
    assert found.largest == pytest.approx(eigenvalues[-1], rel=1e-3)
    assert found.smallest == pytest.approx(eigenvalues[0], rel=1e-3)


def test_rows_are_bounded():
    start, _ = least_squares(rows=400)
    assert curvature(running(start).training).rows == 256


def test_a_linear_loss_has_no_curvature():
    w = tf.Variable([1.0, 2.0])
    found = curvature(
        training_of(minimize(lambda: tf.reduce_sum(w), [w], keras.optimizers.SGD(0.1)))
    )
    assert found is None or (found.largest, found.smallest, found.ratio) == (0.0, 0.0, 0.0)


def test_a_loss_that_is_not_finite_has_none():
    w = tf.Variable([0.0])
    loss = lambda: tf.reduce_sum(w * tf.constant(float("nan")) * w)  # noqa: E731
    assert curvature(training_of(minimize(loss, [w], keras.optimizers.SGD(0.1)))) is None


def test_a_quartic_at_its_hill_top():
    x = tf.Variable(2.0)
    loss = lambda: (x - 2) ** 4 - 4 * (x - 2) ** 2 + 5  # noqa: E731
    found = curvature(training_of(minimize(loss, [x], keras.optimizers.SGD(0.01))))
    assert found.smallest == pytest.approx(-8.0)


ZOO = [p for p in HEALTHY if p.name in {"batch_norm", "dropout_half", "lstm", "tf_dataset"}]


@pytest.mark.parametrize("problem", ZOO, ids=lambda problem: problem.name)
def test_models_are_left_alone(problem):
    training = running(problem.start(0), steps=5).training
    with left_alone(training):
        found = curvature(training)
    assert found.largest > 0
    assert found.exact == (problem.name != "lstm")


@pytest.mark.parametrize("start", [vae, compiled_step])
def test_own_steps_are_differentiated_too(start):
    training = running(start(0), steps=5).training
    with left_alone(training):
        found = curvature(training)
    assert found.exact
    assert found.largest > 0


@pytest.mark.slow
def test_lanczos_finds_the_ends_of_a_large_matrix():
    rng = np.random.default_rng(1)
    basis, _ = np.linalg.qr(rng.normal(size=(200, 200)))
    values = np.concatenate([[-5.0, 20.0], rng.uniform(-0.1, 0.1, 198)])
    matrix = basis * values @ basis.T
    largest, smallest, direction = lanczos(lambda vector: matrix @ vector, 200, 12)
    assert (largest, smallest) == pytest.approx((20.0, -5.0), rel=1e-6)
    assert abs(direction @ basis[:, 0]) == pytest.approx(1.0, rel=1e-6)


def test_stability_limit():
    assert stability_limit(4.0) == 0.5
    assert stability_limit(4.0, momentum=0.9) == pytest.approx(0.95)
    assert stability_limit(0.0) is None
    assert stability_limit(-1.0) is None


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_descent_diverges_beyond_the_stability_limit_only(momentum):
    limit = stability_limit(3.0, momentum)

    def after(rate):
        w = tf.Variable(1.0)
        optimizer = keras.optimizers.SGD(rate, momentum=momentum)
        run = running(minimize(lambda: 1.5 * w**2, [w], optimizer), steps=300)
        return run.run(0).curve.final_loss

    assert after(0.98 * limit) < 1.0
    assert after(1.02 * limit) > 1.0
