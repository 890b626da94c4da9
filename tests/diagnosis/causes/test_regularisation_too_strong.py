"""Penalties that outweigh the data, wherever they stand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers, regularizers

from pytest_converge.diagnosis.causes.regularisation_too_strong import CAUSE, outweighing
from pytest_converge.diagnosis.order import Place
from pytest_converge.training.measures.loss_terms import LossTerm
from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own
from tests.zoo.problems import BINARY, fit, linear, minimize, sequential, step


def heavy_penalty():
    penalty = regularizers.L2(3.0)
    parts = [layers.Dense(8, "tanh", kernel_regularizer=penalty), layers.Dense(1)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.05), loss="mse"), *linear(0))


class HeldDown(layers.Layer):
    def call(self, x):
        self.add_loss(100.0 * keras.ops.mean(keras.ops.square(x)))
        return x


def added_loss():
    model = sequential(
        layers.Dense(1), HeldDown(), optimizer=optimizers.Adam(0.1), loss="mse", shape=(4,)
    )
    return fit(model, *linear(0))


def heavy_decay():
    optimizer = optimizers.AdamW(0.05, weight_decay=20.0)
    return fit(sequential(layers.Dense(1), optimizer=optimizer, loss="mse"), *linear(0))


def heavy_activity():
    hidden = layers.Dense(8, "tanh", activity_regularizer=regularizers.L1(30.0))
    parts = [hidden, layers.Dense(1)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.05), loss="mse"), *linear(0))


def decay_of_one_of_two():
    x, y = linear(0)
    slope, offset = tf.Variable(tf.zeros((4, 1))), tf.Variable([0.0])
    both = [optimizers.AdamW(0.05, weight_decay=20.0), optimizers.SGD(0.1)]

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ slope + offset - y) ** 2)
        gradients = tape.gradient(loss, [slope, offset])
        for each, gradient, variable in zip(both, gradients, [slope, offset], strict=True):
            each.apply([gradient], [variable])
        return loss

    return step(train_step, variables=[slope, offset], optimizer=both)


@pytest.mark.parametrize(
    ("make", "change", "fix"),
    [
        (heavy_penalty, "L2(0.03)", "kernel_regularizer=keras.regularizers.L2(0.03))  # layer"),
        (heavy_activity, "L1(0.03)", "activity_regularizer=keras.regularizers.L1(0.03))  # layer"),
        (added_loss, "losses of add_loss off", ".add_loss = lambda penalty: None"),
        (
            heavy_decay,
            "weight_decay=0.004 instead of 20",
            "keras.optimizers.AdamW(0.05, weight_decay=0.004)",
        ),
        (
            decay_of_one_of_two,
            "weight_decay=0.004 instead of 20",
            "keras.optimizers.AdamW(0.05, weight_decay=0.004)",
        ),
    ],
)
def test_what_outweighs_the_data_gets_a_value_that_passes(make, change, fix):
    found = proven_by_its_own(make(), "regularisation-too-strong", steps=100, max_loss=0.1)
    assert found.verified[0].change == change
    assert fix in found.fix
    assert found.message.endswith(f" outweighs the data; it converges with {change}")


class Toll(layers.Layer):
    """Adds a cost to the loss that no weight changes."""

    def call(self, x):
        self.add_loss(0.3 * keras.ops.mean(keras.ops.ones_like(x)))
        return x


@pytest.mark.slow
def test_a_term_that_only_lifts_the_loss_is_no_proof():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1)(Toll()(inputs)))
    model.compile(optimizers.SGD(0.1), "mse")
    found = diagnosis_of(fit(model, *linear(0)), steps=200, max_loss=0.1)
    assert (found.cause, found.proven) == ("regularisation-too-strong", False)
    assert found.message.startswith("without a term of it the loss is 0.01")
    off = next(trial for trial in found.tried if trial.change == "losses of add_loss off")
    assert (off.passed, off.control) == (0, True)
    assert not found.verified


def test_a_loss_that_does_not_end_at_zero_need_not_be_halved():
    # The cross-entropy of grey values is 0.3 at the least.
    rng = np.random.default_rng(0)
    codes, weights = rng.normal(size=(512, 4)), rng.normal(size=(4, 32))
    grey = (1 / (1 + np.exp(3 - 2 * codes @ weights))).astype("float32")
    hidden = layers.Dense(16, "relu", activity_regularizer=regularizers.L1(0.5))
    model = sequential(
        hidden,
        layers.Dense(32, "sigmoid"),
        optimizer=optimizers.Adam(0.005),
        loss="binary_crossentropy",
        shape=(32,),
    )
    found = diagnosis_of(fit(model, grey, grey), steps=80, max_loss=0.43)
    assert (found.cause, found.proven) == ("regularisation-too-strong", True)
    off = next(trial for trial in found.tried if trial.change == "penalties off")
    assert off.passed == 3


def own_penalty(weight):
    x, y = linear(0)
    w = tf.Variable(0.3 * tf.ones((4, 1)))

    def loss():
        return tf.reduce_mean((x @ w - y) ** 2) + weight * tf.reduce_sum(w**2)

    return minimize(loss, [w], optimizers.Adam(0.05))


def test_a_term_of_ones_own_that_outweighs_the_rest_gets_a_weight_that_passes():
    expected = {"steps": 150, "max_loss": 0.2}
    found = proven_by_its_own(own_penalty(1000.0), "regularisation-too-strong", **expected)
    assert found.verified[0].change == "weight 0.1 instead of 1000"
    assert found.message.startswith("the term of weight 1000 in the loss outweighs the rest")


def factors(weight):
    """A matrix of rank two as a product of factors that are not negative, both penalised."""
    rng = np.random.default_rng(0)
    whole = tf.constant(rng.random((30, 2)) @ rng.random((2, 40)), "float32")
    left, right = (tf.Variable(rng.normal(0, 0.5, s).astype("float32")) for s in ((30, 2), (2, 40)))

    def loss():
        w, h = tf.nn.softplus(left), tf.nn.softplus(right)
        error = tf.reduce_mean((w @ h - whole) ** 2)
        return error + weight * (tf.reduce_sum(w**2) + tf.reduce_sum(h**2))

    return minimize(loss, [left, right], optimizers.Adam(0.05))


def test_a_penalty_of_ones_own_that_asks_for_less_than_the_data_may_hold_the_loss_up():
    expected = {"steps": 300, "max_loss": 0.05}
    found = proven_by_its_own(factors(0.01), "regularisation-too-strong", **expected)
    assert found.verified[0].change == "weight 0.001 instead of 0.01"
    assert "is a penalty of the variables, and outweighs the rest" in found.message


@pytest.mark.parametrize("weight", [1e-6, 0.001])
def test_a_light_penalty_is_no_fault_of_a_rate_that_is_too_low(weight):
    start = factors(weight)
    start.arguments["optimizer"].learning_rate = 1e-5
    found = diagnosis_of(start, steps=300, max_loss=0.1)
    assert found.cause == "learning-rate-too-low"


def term(value, slope, rest=1.0, slope_of_rest=1.0):
    return LossTerm(
        place=0,
        part=1,
        weight=None,
        value=value,
        rest=rest,
        slope=slope,
        slope_of_rest=slope_of_rest,
    )


@pytest.mark.parametrize(
    ("start", "end", "outweighs"),
    [
        (term(100.0, 50.0), term(1.0, 1.0, rest=0.8), True),
        (term(100.0, 50.0), term(1e-4, 0.1, rest=0.4), True),
        (term(100.0, 5.0), term(1.0, 1.0, rest=0.8), False),
        (term(100.0, 5.0), term(0.5, 1.0, rest=0.8), True),
        (term(100.0, 1.5), term(0.5, 1.0, rest=0.8), False),
        (term(100.0, 50.0), term(90.0, 50.0, rest=0.8), False),
        (term(100.0, 50.0), term(1.0, 1.0, rest=0.1), False),
        (term(100.0, 50.0, slope_of_rest=0.0), term(1.0, 1.0, rest=0.8), False),
        (term(100.0, 50.0), term(float("nan"), 1.0), False),
    ],
    ids=[
        "learnt alone",
        "mean learnt beside it",
        "in balance",
        "gone",
        "gone beside as much",
        "not learnt",
        "rest learnt",
        "rest asks nothing",
        "nan",
    ],
)
def test_a_term_is_suspected_that_was_learnt_at_the_cost_of_the_rest(start, end, outweighs):
    assert outweighing([start], [end]) == ([start] if outweighs else [])
    assert outweighing([start], []) == []


def test_a_valley_between_two_terms_is_no_term_too_strong():
    a, b = tf.Variable(-1.2), tf.Variable(1.0)
    loss = lambda: (1 - a) ** 2 + 100 * (b - a**2) ** 2  # noqa: E731
    failed = failed_of(minimize(loss, [a, b], optimizers.SGD(0.001)), steps=50, max_loss=0.1)
    step = next(s for s in CAUSE.steps if s.place == Place.LOSS_TERMS)
    norms = failed.record.curve.gradient_norm
    assert norms[-1] > 5e-3 * max(norms)
    assert [*step.repairs(failed)] == []


def choosing(weight):
    """A policy paid for gains and for the entropy of its choices; its regret is returned."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 4)).astype("float32")
    gains = np.eye(3, dtype="float32")[np.argmax(x @ rng.normal(size=(4, 3)), axis=1)]
    policy, optimizer = layers.Dense(3, "softmax"), optimizers.Adam(0.05)
    policy.build((None, 4))

    def train_step(state, gain):
        with tf.GradientTape() as tape:
            p = policy(state)
            log_p = tf.math.log(p + 1e-7)
            entropy = -tf.reduce_mean(tf.reduce_sum(p * log_p, axis=1))
            gained = tf.reduce_mean(tf.reduce_sum(gain * log_p, axis=1))
            loss = -gained - weight * entropy
        variables = policy.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return tf.reduce_mean(tf.reduce_max(gain, axis=1) - tf.reduce_sum(p * gain, axis=1))

    data = tf.data.Dataset.from_tensor_slices((x, gains)).batch(64).repeat()
    return step(train_step, variables=policy.trainable_variables, data=data, optimizer=optimizer)


def test_a_term_that_holds_back_the_loss_that_is_returned_gets_a_weight_that_passes():
    expected = {"steps": 60, "max_loss": 0.25, "monotone": "off"}
    found = proven_by_its_own(choosing(1.0), "regularisation-too-strong", **expected)
    assert found.verified[0].change in {
        "weight 0.1 instead of 1",
        "weight 0.01 instead of 1",
        "weight 0 instead of 1",
    }
    assert found.message.startswith(
        "the term of weight 1 of what is differentiated holds back the loss that the step returns"
    )


class Smooth(keras.Model):
    """Steps that are to be told from noise, beside a term that asks for no steps."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.net = (
            weight,
            keras.Sequential(
                [layers.Conv1D(8, 5, padding="same", activation="relu"), layers.Conv1D(1, 1)]
            ),
        )

    def call(self, x):
        return self.net(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        rough = keras.ops.mean(keras.ops.abs(y_pred[:, 1:] - y_pred[:, :-1]))
        return keras.ops.mean((y - y_pred) ** 2) + self.weight * rough


def test_a_term_that_holds_the_rest_back_where_a_run_ends_weighs_less():
    rng = np.random.default_rng(0)
    y = np.where(np.cumsum(rng.random((200, 32)) < 0.15, axis=1) % 2, 1.0, -1.0)[..., None]
    x = y + 0.3 * rng.normal(size=y.shape)
    model = Smooth(10.0)
    model.compile(optimizers.Adam(0.01))
    start = fit(model, x.astype("float32"), y.astype("float32"), batch_size=25)
    found = proven_by_its_own(start, CAUSE.code, steps=150, max_loss=0.35)
    assert found.fix == "model.weight = 0.1"


def curious(weight):
    """A policy whose entropy is added to what each of its choices gains, row by row."""
    x, _ = linear(0)
    best = (x[:, 0] > 0).astype("int32")
    policy = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    optimizer = optimizers.Adam(0.05)

    def train_step(states, wanted):
        with tf.GradientTape() as tape:
            logs = tf.nn.log_softmax(policy(states))
            gain = tf.gather(logs, wanted, batch_dims=1)
            entropy = -tf.reduce_sum(tf.exp(logs) * logs, axis=1)
            loss = -tf.reduce_mean(gain + weight * entropy)
        variables = policy.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return -tf.reduce_mean(gain)

    data = tf.data.Dataset.from_tensor_slices((x, best)).batch(32).repeat()
    return step(train_step, variables=policy.trainable_variables, data=data, optimizer=optimizer)


def test_a_term_that_is_added_row_by_row_weighs_less():
    found = proven_by_its_own(curious(20.0), CAUSE.code, steps=150, max_loss=0.3, monotone="off")
    assert "* entropy)" in found.fix


def penalised_by_its_optimizer():
    x, y = linear(0)
    rate = optimizers.Ftrl(0.5, l1_regularization_strength=1e4)
    return fit(sequential(layers.Dense(1), optimizer=rate, loss="mse"), x, y)


def test_a_penalty_that_the_optimizer_holds_is_switched_off():
    found = diagnosis_of(penalised_by_its_optimizer(), steps=200, max_loss=0.1)
    assert (found.cause, found.proven) == ("regularisation-too-strong", True)
    assert found.fix == "keras.optimizers.Ftrl(0.5)"
    assert "l1_regularization_strength=10000 outweighs the data" in found.message


def arrows():
    rng = np.random.default_rng(0)
    right = rng.integers(0, 2, size=300)
    signs = np.zeros((300, 6, 6, 1), "float32")
    signs[right == 1, :, 3:] = 1.0
    signs[right == 0, :, :3] = 1.0
    signs += 0.1 * rng.normal(size=signs.shape).astype("float32")
    parts = [layers.RandomContrast(0.1, seed=0), layers.RandomFlip("horizontal", seed=1)]
    parts += [layers.Flatten(), layers.Dense(1, "sigmoid")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.02), loss=BINARY, shape=(6, 6, 1))
    return fit(model, signs, right.astype("float32"))


def test_what_turns_the_class_of_a_picture_is_left_out():
    found = diagnosis_of(arrows(), steps=150, max_loss=0.2)
    assert (found.cause, found.proven) == ("regularisation-too-strong", True)
    assert found.where[0].startswith("random_flip")
    assert "RandomContrast" not in found.fix
