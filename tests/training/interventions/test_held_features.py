"""Features that a loss or a step closes over, on another scale where they are held."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.interventions.held_features import standardised_where_held
from pytest_converge.training.interventions.rerun import Reruns
from tests.measured import left_alone
from tests.zoo.problems import minimize
from tests.zoo.trainings import quiet, running, training_of

RNG = np.random.default_rng(0)
YEARS = RNG.uniform(1990, 2020, 200).astype("float32")
HEIGHT = (0.1 * (YEARS - 2000) + 1 + RNG.normal(0, 0.1, 200)).astype("float32")
ROOMS = np.column_stack([YEARS, RNG.normal(size=200)]).astype("float32")


def line(feature, target=HEIGHT, *, bent=False):
    """A line through points, or an exponential that decays."""
    a, b = tf.Variable(0.0), tf.Variable(0.0)

    def misfit():
        fitted = a * tf.exp(-b * feature) if bent else a + b * feature
        return tf.reduce_mean((fitted - target) ** 2)

    return minimize(misfit, [a, b], optimizers.SGD(0.1))


def plane(rows, *, intercept=True):
    w, b = tf.Variable([[0.0], [0.0]]), tf.Variable([0.0])

    def misfit():
        fitted = rows @ w + b if intercept else rows @ w
        return tf.reduce_mean((fitted[:, 0] - HEIGHT) ** 2)

    return minimize(misfit, [w, b] if intercept else [w], optimizers.SGD(0.1))


def curve(feature):
    a, b, c = (tf.Variable(0.0) for _ in "abc")

    def misfit():
        return tf.reduce_mean((a + b * feature + c * feature**2 - HEIGHT) ** 2)

    return minimize(misfit, [a, b, c], optimizers.SGD(0.1))


def changes_of(start):
    training = training_of(start)
    with left_alone(training):
        return list(standardised_where_held(training))


@pytest.mark.parametrize(
    ("start", "name", "fix"),
    [
        (lambda: line(YEARS), "feature", "feature = (feature - feature.mean()) / feature.std()"),
        (
            lambda: line(tf.constant(YEARS)),
            "feature",
            "feature = (feature - tf.reduce_mean(feature)) / tf.math.reduce_std(feature)",
        ),
        (
            lambda: plane(ROOMS),
            "rows",
            "rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)",
        ),
        (
            lambda: plane(tf.constant(ROOMS)),
            "rows",
            "rows = (rows - tf.reduce_mean(rows, axis=0)) / tf.math.reduce_std(rows, axis=0)",
        ),
        (lambda: curve(YEARS), "feature", "feature = (feature - feature.mean()) / feature.std()"),
    ],
    ids=["array", "tensor", "columns", "columns of a tensor", "curve"],
)
def test_a_feature_beside_an_intercept_is_standardised_where_it_is_held(start, name, fix):
    run = running(start(), steps=100)
    before = run.run(0).curve.last
    with left_alone(run.training):
        (change,) = standardised_where_held(run.training)
    with Reruns(run, 0, quiet).changed(change) as again:
        after = again(0).curve.last
    assert not before < 0.5
    assert after < 0.05
    assert (change.code, change.where, change.fix) == ("unscaled-features", (name,), fix)
    assert change.fault.startswith(f"{name} has a mean of 200")


def test_the_line_does_what_was_tried():
    (change,) = changes_of(line(YEARS))
    names = {"feature": YEARS.astype("float64"), "np": np}
    exec(change.fix, names)  # noqa: S102 - a line of our own
    assert names["feature"].mean() == pytest.approx(0.0, abs=1e-6)
    assert names["feature"].std() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "start",
    [
        lambda: line(YEARS, bent=True),
        lambda: plane(ROOMS, intercept=False),
        lambda: line((YEARS - 2005) / 10),
        lambda: line((YEARS - 2005) / 10, 100 * HEIGHT + 5000),
        lambda: line(YEARS.astype("int32").astype("float32").reshape(-1, 1, 1)),
    ],
    ids=["bent", "no intercept", "standard", "large targets", "of three axes"],
)
def test_what_has_a_meaning_or_suits_is_left_as_it_is(start):
    assert changes_of(start()) == []
