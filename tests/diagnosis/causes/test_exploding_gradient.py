"""Gradients that are not finite where the loss is."""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.causes.exploding_gradient import CAUSE, broken_step
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.diagnosis.order import Place
from tests.checks.curves import record_of_batches
from tests.diagnosis.programs import diagnosis_of, failed_of
from tests.zoo.problems import SPARSE, fit, linear, minimize, sequential


def masked_logarithm(optimizer):
    """The logarithm of 0 in the branch that is not taken."""
    w, target = tf.Variable([0.0, 1.0, 2.0]), tf.constant([-1.0, 1.0, 1.5])

    def loss():
        return tf.reduce_mean((tf.where(w > 0, tf.math.log(w), w - 1) - target) ** 2)

    return minimize(loss, [w], optimizer)


def test_the_branch_that_is_not_taken_is_no_local_minimum():
    found = diagnosis_of(masked_logarithm(keras.optimizers.SGD(0.3)), steps=100, max_loss=0.1)
    assert (found.cause, found.proven) == ("exploding-gradient", True)
    assert found.message.startswith(
        "the derivative of the log of 0 in the loss is not finite, first in step 1"
    )
    assert "tf.where(w > 0, tf.math.log(tf.maximum(w, 1e-7)), w - 1)" in found.fix


def test_a_root_of_what_is_not_taken_is_made_safe():
    """The thickness of a film from its onset on: before it the root is of negative numbers."""
    hours = np.linspace(0.0, 10.0, 60).astype("float32")
    film = (1.7 * np.sqrt(np.maximum(hours - 2.6, 0.0))).astype("float32")
    onset, rate = tf.Variable(1.2), tf.Variable(1.0)

    def loss():
        since = hours - onset
        return tf.reduce_mean((tf.where(since > 0, rate * tf.sqrt(since), 0.0) - film) ** 2)

    start = minimize(loss, [onset, rate], optimizers.Adam(0.03))
    found = diagnosis_of(start, steps=200, max_loss=0.02)
    assert (found.cause, found.proven) == ("exploding-gradient", True)
    assert found.message.startswith(
        "the sqrt of numbers down to -1.2, which the loss leaves out, has no finite gradient; it"
    )
    assert "tf.sqrt(tf.maximum(since, 1e-7))" in found.fix


def test_one_step_off_a_cliff_is_clipped_before_thousands_lead_back():
    w = tf.Variable(8.0)
    loss = lambda: tf.exp(w) - w - 1  # noqa: E731 - the least is 0, at 0
    found = diagnosis_of(minimize(loss, [w], optimizers.SGD(0.1)), steps=300, max_loss=0.05)
    assert (found.cause, found.proven) == ("exploding-gradient", True)
    assert found.verified[0].change == "gradients clipped to norm 1"


def test_an_optimizer_of_tensorflow_1_is_no_hindrance():
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.3)
    found = diagnosis_of(masked_logarithm(optimizer), steps=100, max_loss=0.1)
    assert (found.cause, found.proven) == ("exploding-gradient", True)


def inverse(function, optimizer):
    """The slope of an inverse function at 1, in the branch that is not taken."""
    w, target = tf.Variable([1.0, 0.2]), tf.constant([1.5, 1.0])

    def loss():
        return tf.reduce_mean((tf.where(w < 1, function(w), 1 + w) - target) ** 2)

    return minimize(loss, [w], optimizer)


def inverse_cosine(w):
    """With a slope of its own, which is too large next to 1."""

    def slope(x):
        return tf.exp((x - 0.9) * 1e4) - 1 / tf.sqrt(1.01 - x * x)

    return tf.custom_gradient(lambda x: (tf.acos(x), lambda g: g * slope(x)))(w)


@pytest.mark.parametrize(
    "optimizer", [keras.optimizers.SGD, tf.compat.v1.train.GradientDescentOptimizer]
)
def test_an_inverse_function_is_kept_from_its_end(optimizer):
    found = diagnosis_of(inverse(tf.acos, optimizer(0.3)), steps=100, max_loss=0.2)
    assert (found.cause, found.proven) == ("exploding-gradient", True)
    assert found.message.startswith("the derivative of the arccosine of 1 or -1 in the loss")
    assert found.fix == "tf.acos(tf.clip_by_value(x, -1 + 1e-7, 1 - 1e-7))  # in the loss"


def test_of_other_operations_what_is_not_finite_is_left_out():
    found = diagnosis_of(
        inverse(inverse_cosine, keras.optimizers.SGD(0.3)), steps=100, max_loss=0.2
    )
    assert (found.cause, found.proven) == ("exploding-gradient", True)
    assert "gradient of step 1 is not finite although its loss is" in found.message
    assert "is_finite" in found.fix


def test_where_the_repair_cannot_be_made_the_evidence_counts():
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.3)
    found = diagnosis_of(inverse(inverse_cosine, optimizer), steps=60, max_loss=0.1)
    assert (found.cause, found.proven) == ("exploding-gradient", False)
    assert "gradient of step 1" in found.message


def distance(y, p):
    return keras.ops.sqrt(keras.ops.mean((y - p) ** 2, axis=-1))


def mixture(y, p):
    """The likelihood of two bells, which underflows far away from both."""
    return -tf.math.log(tf.reduce_sum(tf.exp(-0.5 * (y - p) ** 2), axis=-1))


@pytest.mark.parametrize(
    ("loss", "units", "bound", "words", "line"),
    [
        (
            distance,
            1,
            0.15,
            "the derivative of the sqrt of 0 in distance is not finite, first in step 1",
            "return tf.sqrt(tf.maximum(keras.ops.mean((y - p) ** 2, axis=-1), 1e-7))  # ",
        ),
        (
            mixture,
            2,
            3.0,
            "the log of 0 in mixture is not finite, first in step 1",
            "return -tf.math.log(tf.maximum(tf.reduce_sum(",
        ),
    ],
    ids=["root", "logarithm"],
)
def test_a_loss_that_is_not_finite_at_zero_is_kept_away_from_it(loss, units, bound, words, line):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 4)).astype("float32")
    y = np.maximum(x[:, :1], 0.0) * (1 if units == 1 else 20)
    x[::4] = 0.0  # as black pixels: the model predicts 0, which is right
    y[::4] = 0.0
    hidden = layers.Dense(16, "relu")
    model = sequential(
        hidden, layers.Dense(units), optimizer=keras.optimizers.Adam(0.03), loss=loss, shape=(4,)
    )
    found = diagnosis_of(fit(model, x, y), steps=200, max_loss=bound)
    assert (found.cause, found.proven) == ("exploding-gradient", True)
    assert found.message.startswith(words)
    assert found.fix.startswith(line)


def crossentropy(y, p):
    return -tf.reduce_mean(y * tf.math.log(p) + (1 - y) * tf.math.log(1 - p))


@pytest.mark.slow
def test_a_logarithm_of_numbers_below_zero_is_an_output_that_does_not_fit():
    x, y = linear(0)
    model = sequential(
        layers.Dense(1), optimizer=keras.optimizers.Adam(0.03), loss=crossentropy, shape=(4,)
    )
    found = diagnosis_of(fit(model, x, (y > 0).astype("float32")), steps=120, max_loss=0.3)
    assert (found.cause, found.proven) == ("output-loss-mismatch", True)
    assert found.message.startswith("crossentropy takes the log of numbers down to -")
    assert found.fix.startswith('keras.layers.Dense(1, activation="sigmoid")')


@pytest.mark.parametrize(
    ("losses", "norms", "step"),
    [
        ([1.0], [math.nan], 1),
        ([1.0, 0.5], [2.0, math.inf], 2),
        ([1.0, math.nan], [2.0, math.nan], None),
        ([1.0, 50.0], [2.0, math.inf], None),
        ([1.0, 1.0, 1.0], [2.0, 1e4, math.inf], None),
        ([1.0, 0.5], [2.0, 1.0], None),
        ([1.0, 0.5], [], None),
    ],
    ids=["at once", "later", "with the loss", "spike", "grown", "none", "unseen"],
)
def test_a_calm_run_whose_gradient_breaks(losses, norms, step):
    record = record_of_batches(losses)
    curve = dataclasses.replace(record.curve, gradient_norm=tuple(norms))
    assert broken_step(dataclasses.replace(record, curve=curve)) == step


def halved(policy):
    """Adam divides by the root of a second moment that float16 has no room for."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 6)).astype("float32")
    y = (x @ rng.normal(size=(6, 3))).argmax(axis=1)
    parts = [layers.Dense(16, "relu", dtype=policy), layers.Dense(3, "softmax", dtype=policy)]
    optimizer = keras.optimizers.Adam(0.01)
    model = sequential(*parts, optimizer=optimizer, loss=SPARSE, shape=(6,))
    return fit(model, x, y, batch_size=64)


@pytest.mark.parametrize("policy", ["float16", "mixed_float16"])
def test_numbers_of_16_bits_are_no_rate(policy):
    changes = [
        c
        for step in CAUSE.steps
        if step.place is Place.HALF_PRECISION
        for c in step.repairs(failed_of(halved(policy), steps=3, max_loss=0.1))
    ]
    assert [change.change for change in changes] == ["float32"]


def test_a_model_in_float16_is_repaired_by_float32():
    found = diagnosis_of(halved("float16"), steps=300, max_loss=0.3)
    assert found.proven
    assert found.cause in ("exploding-gradient", "vanishing-gradient")
    assert " compute in float16, which ends at 65504 and at 6e-8; it conv" in found.message
    assert found.fix.startswith('keras.config.set_dtype_policy("float32")')


def test_a_state_that_grows_under_relu_is_the_cause_by_tanh():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(96, 40, 1)) + 3.0).astype("float32")
    y = x[:, :, 0].mean(axis=1, keepdims=True) - 3.0

    def build():
        state = layers.SimpleRNN(8, "relu", recurrent_initializer=keras.initializers.Identity(1.3))
        model = keras.Sequential([keras.Input((40, 1)), state, layers.Dense(1)])
        model.compile(optimizers.Adam(0.01), "mse")
        return model

    rose = Evidence(rate=0.01, rose=True)
    failed = failed_of(fit(build, x, y, batch_size=32), steps=3, evidence=rose, max_loss=0.02)
    (recurrent,) = [x.repairs for x in CAUSE.steps if x.place == Place.ACTIVATIONS]
    (change,) = recurrent(failed)
    name = failed.training.model.layers[0].name
    assert (change.code, change.where) == ("exploding-gradient", (name,))
