"""Sums and means over the columns of each row."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions.kept_rows import kept_rows
from pytest_converge.training.measures.broadcasting import PooledRows
from tests.training.interventions.trainings import written

X = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("float32")
TABLE = X[:, :, 0]


def pooled(kind="Sum", *, shape=(4, 3), target=(4,), layer="", place=None):
    return PooledRows(
        kind=kind, pooled=shape, target=target, layer=layer, number=0, of=1, place=place
    )


def changing(found, *models):
    """The change in the places of some models."""
    training = written(*models)
    training.optimizers = ()
    return kept_rows(written(), found).variant(training)


# ---- what changes -------------------------------------------------------------------------------


@pytest.mark.parametrize("column", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize("values", [TABLE, X], ids=["columns of rows", "more axes"])
@pytest.mark.parametrize(
    ("kind", "reduce", "expected"),
    [
        ("Sum", tf.reduce_sum, np.sum),
        ("Sum", keras.ops.sum, np.sum),
        ("Mean", tf.reduce_mean, np.mean),
        ("Mean", keras.ops.mean, np.mean),
    ],
    ids=["tf.reduce_sum", "keras.ops.sum", "tf.reduce_mean", "keras.ops.mean"],
)
def test_rows_are_kept_while_the_change_lasts(kind, reduce, expected, values, column):
    x, inner = tf.constant(values), tuple(range(1, values.ndim))
    target = (4, 1) if column else (4,)
    with changing(pooled(kind, shape=values.shape, target=target)):
        during = reduce(x)
    np.testing.assert_allclose(during, expected(values, axis=inner, keepdims=column), rtol=1e-5)
    np.testing.assert_allclose(reduce(x), expected(values), rtol=1e-5)


AXES = {"list": [0, 1], "tuple": (-2, -1), "tensor": tf.constant([1, 0])}


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_all_axes_may_be_written_as_well(axis):
    with changing(pooled()):
        during = tf.reduce_sum(tf.constant(TABLE), axis)
    np.testing.assert_allclose(during, TABLE.sum(axis=1), rtol=1e-5)


UNTOUCHED = {
    "rank 1": lambda x: tf.reduce_sum(x[:, 0]),
    "rank 3": lambda x: tf.reduce_sum(x[None]),
    "other columns": lambda x: tf.reduce_sum(x[:, :2]),
    "numbers of NumPy": lambda x: tf.reduce_sum(TABLE[:, :2]),
    "rows": lambda x: tf.reduce_sum(x, axis=0),
    "columns": lambda x: tf.reduce_sum(x, axis=1),
    "last axis": lambda x: tf.reduce_sum(x, axis=[-1]),
    "axis of a tensor": lambda x: tf.reduce_sum(x, tf.constant(1)),
    "mean": tf.reduce_mean,
}


@pytest.mark.parametrize("of", UNTOUCHED.values(), ids=UNTOUCHED)
def test_other_sums_are_as_before(of):
    x = tf.constant(TABLE)
    before = of(x)
    with changing(pooled()):
        during = of(x)
    np.testing.assert_array_equal(during, before)


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["plain", "tf.function"])
def test_what_a_gradient_sums_is_as_before(wrap):
    """That of one factor of all predictions is a sum of their shape."""
    factor, y = tf.Variable(1.5), tf.constant([1.0, 2.0, 3.0, 4.0])

    def slope(summed):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((summed(factor * TABLE) - y) ** 2)
        return tape.gradient(loss, factor)

    with changing(pooled()):
        during = wrap(slope)(tf.reduce_sum)
    np.testing.assert_allclose(during, slope(lambda x: tf.reduce_sum(x, axis=1)), rtol=1e-5)


@pytest.mark.parametrize("column", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize(
    ("kind", "reduce", "expected"),
    [("Sum", tf.reduce_sum, np.sum), ("Mean", tf.reduce_mean, np.mean)],
)
def test_a_graph_of_any_number_of_rows_keeps_them(kind, reduce, expected, column):
    shape = (None, 1) if column else (None,)

    def compiled():
        @tf.function(input_signature=[tf.TensorSpec((None, 3)), tf.TensorSpec(shape)])
        def loss(x, y):
            return tf.reduce_max(tf.abs(reduce(x) - y))

        return loss

    y = np.arange(4.0, dtype="float32").reshape((4, *shape[1:]))
    with changing(pooled(kind, target=y.shape)):
        during = compiled()(TABLE, y)
    after = compiled()(TABLE, y)
    kept = expected(TABLE, axis=1, keepdims=column)
    np.testing.assert_allclose(during, np.abs(kept - y).max(), rtol=1e-5)
    np.testing.assert_allclose(after, np.abs(expected(TABLE) - y).max(), rtol=1e-5)


def test_it_is_changed_in_the_layer_that_makes_it_alone():
    pool = layers.Lambda(tf.reduce_sum, output_shape=(), name="pool")
    model = keras.Sequential([keras.Input((3,)), pool])
    with changing(pooled(layer="pool"), model):
        during = model(TABLE), tf.reduce_sum(tf.constant(TABLE))
    np.testing.assert_allclose(during[0], TABLE.sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose([during[1], model(TABLE)], [TABLE.sum()] * 2, rtol=1e-5)


# ---- what is said -------------------------------------------------------------------------------


def without(q, actions):
    value = tf.reduce_sum(q * actions)
    return value**2


def with_none(q, actions):
    value = tf.reduce_sum(q * actions, axis=None)
    return value**2


def with_all(q, actions):
    value = tf.reduce_sum(q * actions, [0, 1])
    return value**2


def averaged(q, actions):
    value = tf.math.reduce_mean(q * actions)
    return value**2


def twice(q, actions):
    return tf.reduce_sum(tf.reduce_sum(q) * actions)


@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize(
    ("function", "kind", "code"),
    [
        (without, "Sum", "tf.reduce_sum(q * actions, axis=1)"),
        (with_none, "Sum", "tf.reduce_sum(q * actions, axis=1)"),
        (with_all, "Sum", "tf.reduce_sum(q * actions, 1)"),
        (averaged, "Mean", "tf.math.reduce_mean(q * actions, axis=1)"),
    ],
    ids=["without", "None", "all axes", "mean"],
)
def test_the_own_line_gets_its_axis(function, kind, code, placed):
    line = function.__code__.co_firstlineno + 1
    user = written(function=None if placed else function)
    change = kept_rows(user, pooled(kind, place=(__file__, line) if placed else None))
    assert change.fix == f"value = {code}  # test_kept_rows.py:{line}"
    names = {"tf": tf, "q": tf.constant(TABLE), "actions": tf.ones((4, 3))}
    exec(change.fix, names)  # noqa: S102 - that it can be pasted is the point
    assert names["value"].shape == (4,)


@pytest.mark.parametrize(
    ("kind", "shape", "target", "code"),
    [
        ("Sum", (4, 3), (4,), "tf.reduce_sum(x, axis=1)"),
        ("Mean", (4, 3), (4,), "tf.reduce_mean(x, axis=1)"),
        ("Sum", (4, 3, 2), (4,), "tf.reduce_sum(x, axis=[1, 2])"),
        ("Sum", (4, 3), (4, 1), "tf.reduce_sum(x, axis=1, keepdims=True)"),
    ],
)
def test_the_change_by_itself_does_what_was_tried(kind, shape, target, code):
    change = kept_rows(written(function=twice), pooled(kind, shape=shape, target=target))
    assert change.fix == code
    values = eval(code, {"tf": tf, "x": tf.ones(shape)})  # noqa: S307 - as above
    assert values.shape == target


def test_a_column_of_targets_needs_more_than_an_axis_in_the_own_line():
    change = kept_rows(written(function=without), pooled(target=(4, 1)))
    assert change.fix == "tf.reduce_sum(x, axis=1, keepdims=True)"


def test_it_says_what_is_compared():
    change = kept_rows(written(), pooled("Mean", target=(4, 1)))
    assert (change.code, change.change) == (
        "output-loss-mismatch",
        "a mean over the columns of each row",
    )
    assert change.fault == (
        "predictions of shape (4, 3) become one number, the mean over all rows, which targets of"
        " shape (4, 1) are compared with"
    )
