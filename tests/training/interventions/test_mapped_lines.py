"""Changes of the arrays of a data set as code for the data set itself."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions.mapped_lines import (
    called_by_the_step,
    in_a_map,
    with_lists,
)
from tests.zoo.problems import Start, fit, minimize
from tests.zoo.trainings import training_of

ROWS = 12
X = np.arange(ROWS * 2, dtype="float32").reshape(ROWS, 2)
Y = np.tile(np.array([1.0, 3.0], "float32"), ROWS // 2)
REWARD = np.linspace(0.0, 22.0, ROWS).astype("float32")


def stepping(*arrays, of_dataset=True, function=None):
    w = tf.Variable(0.0)

    def learn(*parts):
        w.assign_sub(0.1 * w)
        return tf.reduce_sum(w)

    data = tf.data.Dataset.from_tensor_slices(arrays).batch(4) if of_dataset else [arrays]
    given = {"step": function or learn, "variables": [w], "data": data}
    return training_of(Start("step", given), steps=3)


def named(state, action, reward, following):
    return tf.reduce_mean(reward)


def fitted(of_dataset):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    if of_dataset:
        return training_of(fit(model, tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)))
    return training_of(fit(model, X, Y))


@pytest.mark.parametrize(
    ("line", "mapped"),
    [
        ("y = y[:, None]", "lambda x, y: (x, y[:, None])"),
        ("y = y / 100  # in percent", "lambda x, y: (x, y / 100)"),
        ("x = x / 255", "lambda x, y: (x / 255, y)"),
        ("y = (y - y.mean(axis=0)) / y.std(axis=0)", "lambda x, y: (x, (y - 2.0) / 1.0)"),
        (
            (
                'y = y.astype("float64"); y = (y - y.mean(axis=0)) / y.std(axis=0);'
                ' y = y.astype("float32")'
            ),
            "lambda x, y: (x, (y - 2.0) / 1.0)",
        ),
        ("x = x - x.min(axis=0)", "lambda x, y: (x - [0.0, 1.0], y)"),
        (
            'y = np.where(y == 1, 0, 1).astype("float32")',
            "lambda x, y: (x, tf.cast(tf.where(y == 1, 0, 1), 'float32'))",
        ),
    ],
)
def test_one_array_is_changed_in_the_batches(line, mapped):
    note = "  # in percent" if "#" in line else ""
    assert in_a_map(stepping(X, Y), line) == f"data = data.map({mapped}){note}"
    assert in_a_map(fitted(True), line) == f"dataset = dataset.map({mapped}){note}"
    assert in_a_map(fitted(False), line) == line
    assert in_a_map(stepping(X, Y, of_dataset=False), line) == line


@pytest.mark.parametrize(
    "line",
    [
        "x, y = x[keep], y[keep]",
        'x = x.astype("float64"); x[..., [1]] = 0.0; x = x.astype("float32")',
        "y = np.log1p(y)",
        "x = x.reshape(-1, 2)",
        "steps=300",
        "z = y",
    ],
)
def test_what_no_map_can_do_stays_as_it_is(line):
    assert in_a_map(stepping(X, Y), line) == line


def test_more_numbers_than_a_line_holds_are_not_written():
    line = "x = x - x.mean(axis=0)"
    assert in_a_map(stepping(np.tile(X, 5), Y), line) == line


def test_the_parts_are_called_as_the_step_calls_them():
    line = "data[2] = (data[2] - data[2].mean(axis=0)) / data[2].std(axis=0)"
    expected = "(reward - 11.0) / 6.904"
    training = stepping(X, Y, REWARD, X, function=named)
    names = "state, action, reward, following"
    mapped = f"lambda {names}: (state, action, {expected}, following)"
    assert in_a_map(training, line) == f"data = data.map({mapped})"
    unnamed = in_a_map(stepping(X, Y, REWARD, X), line)
    assert unnamed == f"data = data.map({mapped})".replace("state", "part0").replace(
        "action", "part1"
    ).replace("reward", "part2").replace("following", "part3")


def test_the_line_gives_the_batches_what_the_arrays_would_have():
    training = stepping(X, Y, REWARD, X, function=named)
    line = in_a_map(training, "data[2] = (data[2] - data[2].mean(axis=0)) / data[2].std(axis=0)")
    names = {"data": tf.data.Dataset.from_tensor_slices((X, Y, REWARD, X)).batch(ROWS), "tf": tf}
    exec(line, names)  # noqa: S102 - that it can be pasted is the point
    state, _, reward, _ = next(iter(names["data"]))
    np.testing.assert_array_equal(state, X)
    np.testing.assert_allclose(reward, (REWARD - REWARD.mean()) / REWARD.std(), atol=2e-3)


def pair(near, far):
    return tf.reduce_mean(near - far)


def triplet(anchor, positive, negative):
    return tf.reduce_mean(anchor * positive - negative)


class Ranker:
    def learn(self, query, better, worse, scale=1.0):
        return scale * tf.reduce_mean(query * (better - worse))


@pytest.mark.parametrize(
    ("function", "called"),
    [
        (pair, {"x": "near", "y": "far"}),
        (triplet, {"x": "anchor", "y": "positive", "sample_weight": "negative"}),
        (tf.function(triplet), {"x": "anchor", "y": "positive", "sample_weight": "negative"}),
        (Ranker().learn, {"x": "query", "y": "better", "sample_weight": "worse"}),
        (named, {"data[0]": "state", "data[2]": "reward", "data[3]": "following"}),
    ],
    ids=["two", "three", "compiled", "method", "four"],
)
def test_a_part_of_a_batch_has_the_name_that_the_step_gives_it(function, called):
    count = 4 if "data[3]" in called else len(called)
    training = stepping(*[X] * count, function=function)
    assert {name: called_by_the_step(training, name) for name in called} == called


def test_a_part_within_another_keeps_its_own_name():
    training = stepping({"low": X, "high": X}, Y, function=pair)
    assert called_by_the_step(training, "x['low']") == "x['low']"
    assert called_by_the_step(training, "y") == "far"


def test_a_step_with_too_few_parameters_gives_no_names():
    assert called_by_the_step(stepping(X, Y), "y") == "y"
    assert called_by_the_step(stepping(X, Y, REWARD), "sample_weight") == "sample_weight"


def test_only_a_step_gives_names():
    w = tf.Variable(0.0)
    closure = training_of(minimize(lambda: w**2, [w], keras.optimizers.SGD(0.1)), steps=3)
    for training in (fitted(True), fitted(False), closure):
        assert called_by_the_step(training, "y") == "y"


def several(x):
    parts = [keras.Input((2,)), keras.Input((2,))]
    model = keras.Model(parts, layers.Dense(1)(layers.Concatenate()(parts)))
    model.compile("sgd", "mse")
    return training_of(fit(model, x, Y))


@pytest.mark.parametrize("line", ["x[1] = x[1] / 3", "x[1][..., [0]] = x[1][..., [0]] - 1.0"])
def test_a_tuple_of_arrays_becomes_a_list_before_one_is_changed(line):
    assert with_lists(several((X, X)), line) == f"x = list(x)\n{line}"
    assert with_lists(several([X, X]), line) == line


def test_a_line_about_the_only_array_is_left_as_it_is():
    assert with_lists(fitted(of_dataset=False), "x = x / 3") == "x = x / 3"
    w = tf.Variable(1.0)
    run = training_of(minimize(lambda: w * w, [w], keras.optimizers.SGD(0.1)))
    assert with_lists(run, "x[1] = x[1] / 3") == "x[1] = x[1] / 3"
