"""Other initial weights."""

from __future__ import annotations

import types

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.interventions import (
    starts,
)
from pytest_converge.training.state.snapshot import as_tf_variable
from tests.training.interventions.trainings import SGD, closure
from tests.zoo.problems import minimize


def test_a_start_around_zero_forgets_the_given_one(parts_during):
    make = lambda _: starts.elsewhere(1, 0.3, around_zero=True)  # noqa: E731
    w = tf.Variable([1e6, -1e6])
    _, (during,), _ = parts_during(minimize(lambda: tf.reduce_sum(w**2), [w], SGD(0.1)), make)
    assert np.abs(during["weights"]).max() < 3


def test_a_nudge_has_the_length_that_was_asked_for(parts_during):
    _, (during,), _ = parts_during(
        closure(), lambda _: starts.nudged([[0.6, 0.8]], 0.5, "saddle-point")
    )
    np.testing.assert_allclose(during["weights"][0], [1.3, 2.4], rtol=1e-6)


def test_two_starts_at_once_follow_each_other():
    w = tf.Variable([1.0, 1.0])
    training = types.SimpleNamespace(trainable=[as_tf_variable(w)])
    step = starts.nudged([[1.0, 0.0]], 2.0, "saddle-point")
    values = step.combined(step).start(training, {})
    np.testing.assert_allclose(values[id(w)], [5.0, 1.0])


def test_numbers_that_start_alike_are_begun_in_order():
    cuts, bias = tf.Variable([1.0] * 5), tf.Variable(np.arange(4.0))
    w = tf.Variable(np.ones((3, 3)))
    named = {("layer.cuts", "model.layer.cuts"): cuts, ("b", "b"): bias, ("w", "w"): w}
    change = starts.spread_out(named, 2.0, "bad-initialisation")
    started = change.start(None, {})
    np.testing.assert_allclose(started[id(cuts)], [-1, 0, 1, 2, 3])
    assert started[id(cuts)].dtype == np.float32
    assert set(started) == {id(cuts)}
    assert change.change == "layer.cuts begun in order, 2 to either side"
    assert change.fix == "model.layer.cuts.assign_add(np.linspace(-2, 2, 5))"
    assert change.where == ("layer.cuts",)


def test_several_of_them_are_spread_each_by_its_size():
    rates, heights = tf.Variable([-0.3, -0.3]), tf.Variable([20.0] * 3)
    named = {("rates", "rates"): rates, ("heights", "heights"): heights}
    change = starts.spread_out(named, 0.1, "bad-initialisation")
    started = change.start(None, {})
    np.testing.assert_allclose(started[id(rates)], [-0.4, -0.2], rtol=1e-6)
    np.testing.assert_allclose(started[id(heights)], [18.0, 20.0, 22.0])
    assert change.change == "rates, heights begun in order, 0.1, 2 to either side"
    assert change.fix == (
        "rates.assign_add(np.linspace(-0.1, 0.1, 2))\nheights.assign_add(np.linspace(-2, 2, 3))"
    )


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 3.0], [1.0], 1.0, [[1.0, 1.0, 1.0]], [0.5] * 65], ids=str
)
def test_other_numbers_have_no_order_to_be_begun_in(values):
    assert starts.spread_out({("v", "v"): tf.Variable(values)}, 2.0, "plateau") is None


@pytest.mark.parametrize(
    ("end", "alike"),
    [
        ([[3.0, 3.0], [2.0, 2.0]], "wv"),
        ([[3.0, 3.0 + 1e-6], [0.0, 0.0]], "wv"),
        ([[3.0, 3.1], [2.0, 2.0]], "v"),
        ([[3.0, 3.1], [0.0, 0.0]], ""),
        ([[1.0, 1.0], [0.0, 0.0]], ""),
    ],
    ids=["both moved", "one moved", "one parted", "the other did not move", "none moved"],
)
def test_numbers_are_alike_for_ever_where_they_move_and_do_not_part(end, alike):
    w, v = tf.Variable([1.0, 1.0]), tf.Variable([0.0, 0.0])
    named = {("w", "w"): w, ("v", "v"): v, ("u", "u"): (u := tf.Variable([1.0, 2.0]))}
    values = dict(zip(map(id, (w, v, u)), [*map(np.array, end), np.zeros(2)], strict=True))
    found = starts.alike_for_ever(named, values, within=1e-4)
    assert "".join(name for name, _ in found) == alike


@pytest.mark.parametrize(
    ("signs", "moved", "change", "fix"),
    [
        (
            [1.0, 1.0],
            (4.0, [4.0, 5.0]),
            "w, v begun 3 higher",
            "w.assign_add(3.0)\nv.assign_add(tf.fill(v.shape, 3.0))",
        ),
        (
            [[-1.0], [1.0, -1.0]],
            (-2.0, [4.0, -1.0]),
            "w begun 3 lower, v begun [3.0, -3.0] away",
            "w.assign_add(-3.0)\nv.assign_add([3.0, -3.0])",
        ),
    ],
)
def test_numbers_are_begun_higher_or_lower_each_by_its_sign(signs, moved, change, fix):
    w, v = tf.Variable(1.0, name="w"), tf.Variable([1.0, 2.0], name="v")
    found = starts.moved([(0, w), (1, v)], 3.0, signs, "plateau")
    started = found.start(None, {})
    np.testing.assert_allclose(started[id(w)], moved[0])
    np.testing.assert_allclose(started[id(v)], moved[1])
    assert np.shape(started[id(w)]) == ()
    assert (found.change, found.fix) == (change, fix)


def test_matrices_are_begun_at_a_share_and_biases_as_they_are():
    w, b = tf.Variable([[2.0, -4.0]], name="w"), tf.Variable([2.0], name="b")
    training = types.SimpleNamespace(trainable=[w, b], verb="step")
    change = starts.smaller(training, 0.5, "bad-initialisation")
    started = change.start(None, {id(b): b.numpy()})
    np.testing.assert_allclose(started[id(w)], [[1.0, -2.0]])
    assert started[id(w)].dtype == np.float32
    np.testing.assert_allclose(started[id(b)], [2.0])
    variables = [w, b]
    exec(change.fix, {"variables": variables})  # noqa: S102 - it is what is pasted
    np.testing.assert_allclose(w.numpy(), [[1.0, -2.0]])
    np.testing.assert_allclose(b.numpy(), [2.0])
    training.verb = "fit"
    assert "in model.trainable_variables:" in starts.smaller(training, 0.5, "plateau").fix


def test_without_matrices_all_numbers_begin_smaller():
    w = tf.Variable([1.0, -2.0])
    training = types.SimpleNamespace(trainable=[w], verb="step")
    change = starts.smaller(training, 0.5, "bad-initialisation")
    assert change.change == "all weights begun at 0.5 of what they are"
    exec(change.fix, {"variables": [w]})  # noqa: S102 - it is what is pasted
    np.testing.assert_allclose(w.numpy(), [0.5, -1.0])


@pytest.mark.parametrize("values", [0.0, [[0.0, 0.0]]])
def test_what_is_zero_does_not_begin_smaller(values):
    training = types.SimpleNamespace(trainable=[tf.Variable(values)], verb="step")
    assert starts.smaller(training, 0.5, "bad-initialisation") is None


def test_numbers_beyond_a_range_are_begun_around_its_middle():
    w = tf.Variable([3.0, 3.2, 5.8], name="w")
    change = starts.within({("w", "w"): (w, 0.0, 2.0)}, "bad-initialisation")
    started = change.start(None, {})
    np.testing.assert_allclose(started[id(w)], [0.0, 0.2, 2.0], atol=1e-6)
    assert started[id(w)].dtype == np.float32
    assert change.change == "w begun around 1"
    assert change.where == ("w",)
    exec(change.fix, {"w": w, "tf": tf})  # noqa: S102 - it is what is pasted
    np.testing.assert_allclose(w.numpy(), started[id(w)])


@pytest.mark.parametrize(
    ("ends", "started", "line"),
    [
        ((0.0, np.inf), [0.5, 2.0], "w.assign(tf.abs(w))"),
        ((1.0, np.inf), [2.5, 4.0], "w.assign(1 + tf.abs(w - 1))"),
        ((-np.inf, -3.0), [-5.5, -4.0], "w.assign(-3 - tf.abs(w - -3))"),
    ],
)
def test_numbers_beyond_one_end_are_begun_on_its_other_side(ends, started, line):
    w = tf.Variable([-0.5, -2.0], name="w")
    change = starts.within({("w", "w"): (w, *ends)}, "bad-initialisation")
    np.testing.assert_allclose(change.start(None, {})[id(w)], started)
    assert change.fix == line
    exec(change.fix, {"w": w, "tf": tf})  # noqa: S102 - it is what is pasted
    np.testing.assert_allclose(w.numpy(), started)


def test_a_number_is_begun_at_another_size_with_its_sign():
    w = tf.Variable([-2e5, 3e4], name="w")
    change = starts.begun_at({("w", "w"): w}, 10.0, "bad-initialisation")
    np.testing.assert_array_equal(change.start(None, {})[id(w)], [-10.0, 10.0])
    assert change.change == "w begun at 10"
    exec(change.fix, {"w": w, "tf": tf})  # noqa: S102 - it is what is pasted
    np.testing.assert_array_equal(w.numpy(), [-10.0, 10.0])
