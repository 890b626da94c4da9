"""The loss around a path, or around the end of a training."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.loss_surface import loss_surface
from tests.zoo.problems import classifier, fit, minimize, wine
from tests.zoo.trainings import running

Z, Y = wine()


def measured(start, *, steps=30):
    run = running(start, steps=steps)
    run.run(0)
    before = [v.numpy() for v in run.training.state()]
    surface = loss_surface(run)
    after = [v.numpy() for v in run.training.state()]
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True))
    return surface, run


def test_one_parameter_gives_a_line_with_its_path():
    w = tf.Variable(3.0, name="w")
    surface, _ = measured(minimize(lambda: (w - 1.0) ** 2, [w], optimizers.SGD(0.1)))
    assert surface.names == ("w",)
    assert surface.y == ()
    assert surface.losses[0] == pytest.approx([(x - 1) ** 2 for x in surface.x], abs=1e-5)
    assert surface.path[0] == pytest.approx((3.0, 0.0, 4.0))
    assert surface.path[-1][0] == pytest.approx(float(w.numpy()))
    assert len(surface.path) == 31
    assert surface.x[0] < surface.path[-1][0] < surface.path[0][0] < surface.x[-1]


@pytest.mark.parametrize("shapes", [((), ()), ((2,),)])
def test_two_parameters_give_a_plane(shapes):
    variables = [tf.Variable(tf.fill(shape, 2.0), name="w") for shape in shapes]

    def loss():
        flat = tf.concat([tf.reshape(v, [-1]) for v in variables], axis=0)
        return flat[0] ** 2 + 10.0 * flat[1] ** 2

    surface, _ = measured(minimize(loss, variables, optimizers.SGD(0.01)))
    assert surface.names == ("w[0]", "w[1]")
    x, y = surface.x[3], surface.y[5]
    assert surface.losses[5][3] == pytest.approx(x**2 + 10 * y**2, rel=1e-4)
    assert surface.path[0] == pytest.approx((2.0, 2.0, 44.0))


def test_variables_without_a_name_have_those_of_the_loss():
    slope, offset = tf.Variable(3.0), tf.Variable(1.0)
    given = minimize(lambda: slope**2 + offset**2, [slope, offset], optimizers.SGD(0.1))
    surface, _ = measured(given, steps=3)
    assert surface.names == ("slope", "offset")


def test_a_path_that_runs_away_is_cut():
    w = tf.Variable(3.0)
    surface, _ = measured(minimize(lambda: (w - 1.0) ** 2, [w], optimizers.SGD(5.0)))
    assert 1 <= len(surface.path) < 10
    assert max(abs(x) for x, _, _ in surface.path) < 1000


def test_a_model_gives_a_slice_through_its_weights():
    surface, run = measured(fit(classifier(optimizers.SGD(0.1), shape=(13,)), Z, Y))
    middle = len(surface.x) // 2
    assert surface.slice_of_model
    assert surface.path == ()
    assert (surface.x[middle], surface.y[middle]) == (0.0, 0.0)
    ended = run.loop.probe_loss(run.training.chunks(256))
    assert surface.losses[middle][middle] == pytest.approx(ended, rel=1e-5)
    assert max(map(max, surface.losses)) > ended


def test_directions_are_as_long_as_the_filters():
    from pytest_converge.training.measures.loss_surface import _direction

    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 4, 8)).astype("float32")
    direction = _direction(kernel, rng)
    lengths = [np.linalg.norm(a.reshape(-1, 8), axis=0) for a in (kernel, direction)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-5)
    assert not _direction(np.ones(4, "float32"), rng).any()


def test_many_parameters_without_a_probe_set_give_nothing():
    w = tf.Variable(tf.ones(3))
    assert measured(minimize(lambda: tf.reduce_sum(w**2), [w], optimizers.SGD(0.1)))[0] is None


def test_a_model_with_batch_normalisation_is_put_back():
    model = keras.Sequential(
        [
            keras.Input((13,)),
            layers.Dense(4),
            layers.BatchNormalization(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    assert measured(fit(model, Z, Y), steps=10)[0] is not None
