"""Lines of the user's own code with an operation changed."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.interventions import own_operations
from tests.training.interventions.trainings import written

w, b = tf.Variable([1.0, 2.0]), tf.Variable(0.0)
ROUND = "tf.round(x) + (x - tf.stop_gradient(x))"
CAST = "tf.cast(b > 0.5, tf.float32)"
SAFE_ROOT = "tf.sqrt(tf.maximum(x, 1e-7))"


def root(y, p):
    mse = tf.reduce_mean((y - p) ** 2)
    return tf.sqrt(mse)


def rounded(x):
    return w * tf.round(x) + tf.cast(b > 0.5, tf.float32) / (x - 1)


def measured(x, y):
    return 2.0 * root(y, w * x)


def attended(scores, mask):
    return tf.nn.softmax(scores + (1.0 - mask) * -1e9, axis=1)


def chosen(scores, mask):
    return tf.where(mask == 0, scores, -1e9)


def nested(x):
    return tf.sqrt(1.0 + tf.sqrt(x))


def stopped_twice(x):
    return tf.stop_gradient(tf.stop_gradient(x)) + 100.0 * x


def of_numpy(x):
    return x * np.sqrt(2.0) / 3.0


def evaluated(x):
    return model(x, training=False)


def called(x):
    return model(x) + 1.0


def compared(x):
    similarity = x @ tf.transpose(x)
    own = tf.range(3)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(own, similarity / 1.0)


model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def of(function, trainable=(w, b)):
    return written(function=function, trainable=trainable)


def code(line):
    """Without the place, which has a test of its own."""
    return [each.partition("  # test_own_operations.py:")[0] for each in line.splitlines()]


def twice(x):
    first = tf.sqrt(x)
    return first + tf.sqrt(1.0 + x)


@pytest.mark.parametrize(
    ("function", "kind", "template", "lines"),
    [
        (root, "Sqrt", SAFE_ROOT, ["return tf.sqrt(tf.maximum(mse, 1e-7))"]),
        (measured, "Sqrt", SAFE_ROOT, ["return tf.sqrt(tf.maximum(mse, 1e-7))"]),
        (
            rounded,
            "Round",
            ROUND,
            [f"return w * (tf.round(x) + (x - tf.stop_gradient(x))) + {CAST} / (x - 1)"],
        ),
        (
            rounded,
            "RealDiv",
            "tf.math.divide_no_nan(a, b)",
            [f"return w * tf.round(x) + tf.math.divide_no_nan({CAST}, x - 1)"],
        ),
        (nested, "Sqrt", SAFE_ROOT, []),
        (stopped_twice, "StopGradient", "x", []),
        (of_numpy, "Sqrt", SAFE_ROOT, []),
        (of_numpy, "RealDiv", "tf.math.divide_no_nan(a, b)", []),
        (root, "Log", "tf.math.log(tf.maximum(x, 1e-7))", []),
    ],
)
def test_operations_are_changed_where_they_are_written(function, kind, template, lines):
    found = own_operations.operations_changed(of(function), "", kind, template)
    assert code(found) == lines


def test_the_place_of_a_line_is_that_of_its_function():
    line = own_operations.operations_changed(of(root), "", "Sqrt", SAFE_ROOT)
    place = int(line.rpartition(":")[2])
    text = Path(__file__).read_text(encoding="utf-8").splitlines()[place - 1]
    assert text.strip() == "return tf.sqrt(mse)"


def test_one_of_several_operations_is_told_by_its_line():
    line = twice.__code__.co_firstlineno + 1
    changed = functools.partial(own_operations.operations_changed, of(root), "", "Sqrt", SAFE_ROOT)
    assert code(changed(at=(__file__, line), alone=True)) == [
        "first = tf.sqrt(tf.maximum(x, 1e-7))"
    ]
    assert code(changed(at=(__file__, line))) == [
        "first = tf.sqrt(tf.maximum(x, 1e-7))",
        "return first + tf.sqrt(tf.maximum(1.0 + x, 1e-7))",
    ]
    assert own_operations.operations_changed(of(twice), "", "Sqrt", SAFE_ROOT, alone=True) == ""
    assert changed(at=(__file__, 1), alone=True).startswith("return tf.sqrt(")


def test_operations_of_a_layer_are_those_of_its_call():
    layer = keras.layers.Lambda(root, name="mine")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="other"), layer])
    training = written(model, function=rounded)
    assert code(own_operations.operations_changed(training, "mine", "Sqrt", SAFE_ROOT))
    assert not own_operations.operations_changed(training, "other", "Sqrt", SAFE_ROOT)
    assert not own_operations.operations_changed(training, "mine", "Round", ROUND)


def test_a_comparison_keeps_its_values():
    line = own_operations.comparison_changed(of(rounded), "", "Greater", "tf.sigmoid(a - b)")
    soft = "tf.sigmoid(b - 0.5)"
    made = f"(tf.cast(b > 0.5, tf.float32) + {soft} - tf.stop_gradient({soft}))"
    assert code(line) == [f"return w * tf.round(x) + {made} / (x - 1)"]
    assert not own_operations.comparison_changed(of(rounded), "", "Less", "tf.sigmoid(b - a)")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("axis", "return tf.nn.softmax(scores + (1.0 - mask) * -1e9, axis=-1)"),
    ],
)
def test_an_argument_is_changed(name, line):
    found = own_operations.argument_changed(of(attended), "", "Softmax", name, -1)
    assert code(found) == [line]


def test_logits_are_changed_where_a_cross_entropy_takes_them():
    line = own_operations.logits_changed(of(compared), lambda logits: f"10 * {logits}")
    call = "tf.nn.sparse_softmax_cross_entropy_with_logits(own, 10 * (similarity / 1.0))"
    assert code(line) == [f"return {call}"]
    assert own_operations.logits_changed(of(root), lambda logits: f"10 * {logits}") == ""


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (evaluated, "return model(x, training=True)"),
        (called, "return model(x, training=True) + 1.0"),
    ],
)
def test_a_model_is_called_in_training_mode(function, line):
    assert code(own_operations.trained_in_calls(of(function))) == [line]
    assert own_operations.trained_in_calls(of(root)) == ""


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (attended, "return tf.nn.softmax(scores + (mask) * -1e9, axis=1)"),
        (chosen, "return tf.where(~(mask == 0), scores, -1e9)"),
        (root, ""),
    ],
)
def test_a_mask_is_turned_round(function, line):
    assert code(own_operations.mask_turned(of(function), "")) == ([line] if line else [])


def apart(x):
    return tf.norm(x - w, axis=1)


def far(x):
    return tf.linalg.norm(x, axis=-1, keepdims=True) + tf.norm(w)


def absolute(x):
    return tf.norm(x, ord=1)


@pytest.mark.parametrize(
    ("function", "lines"),
    [
        (
            apart,
            ["return tf.sqrt(tf.maximum(tf.reduce_sum(tf.square(x - w), axis=1), 1e-07))"],
        ),
        (far, []),
        (absolute, []),
    ],
)
def test_a_norm_is_the_root_of_squares_that_are_kept_from_0(function, lines):
    assert code(own_operations.norm_changed(of(function), "", 1e-7)) == lines


def clipped(x):
    return tf.clip_by_value(x - 1.0, 0.0, 4.0)


@pytest.mark.parametrize(
    ("names", "lines"),
    [
        (("clip_by_value",), ["return tf.clip_by_value((x - 1.0) + 3, 0.0, 4.0)"]),
        (("clip",), []),
    ],
)
def test_a_number_is_added_to_what_a_function_is_given(names, lines):
    line = own_operations.added_to_argument(of(clipped), "", names, "3")
    assert code(line) == lines
