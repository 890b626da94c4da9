"""The user's own code with one slip turned round."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.corrected_code import corrected
from pytest_converge.training.interventions.rerun import Reruns
from tests.measured import left_alone
from tests.zoo.problems import fit, minimize, step
from tests.zoo.trainings import quiet, running

RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 5)).astype("float32")
Y = (X[:, :1] * X[:, 1:2]).astype("float32")


class Gated(keras.Model):
    """Answers by what it makes of its inputs, times a gate of them; here the gate sees a mean."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(16, "relu")
        self.gate = layers.Dense(16)
        self.last = layers.Dense(1)

    def build(self, shape):
        self.first.build(shape)
        self.gate.build((None, 16))
        self.last.build((None, 16))

    def call(self, inputs):
        hidden = self.first(inputs)
        hidden = hidden - hidden
        return self.last(self.gate(hidden) + hidden)


def gated():
    model = Gated()
    model.build((None, 5))
    model.compile(optimizers.Adam(0.03), "mse")
    return fit(model, X, Y)


def always():
    return True


def changes_of(run, *, answers=True, time_is_left=always):
    return list(corrected(run.training, "code", answers=answers, time_is_left=time_is_left))


def test_a_slip_in_a_model_is_found_and_the_model_trains():
    run = running(gated(), steps=200)
    before = run.run(0).curve.last
    run.restart()
    with left_alone(run.training):
        changes = changes_of(run)
    named = {change.change: change for change in changes}
    change = named["`hidden + hidden` in place of `hidden - hidden`"]
    assert change.fix.startswith("hidden = hidden + hidden  # test_corrected_code.py:")
    assert "call of gated" in change.fault
    with Reruns(run, 0, quiet).changed(change) as again:
        after = again(0).curve.last
    assert after < 0.5 * before


def test_what_changes_nothing_is_no_change():
    run = running(gated(), steps=4)
    run.run(0)
    run.restart()
    texts = {change.change for change in changes_of(run)}
    assert texts
    assert not any("hidden / hidden" in text for text in texts)  # not finite


def test_no_more_is_looked_at_than_there_is_time_for():
    run = running(gated(), steps=4)
    turns = iter([True, True, True])
    assert len(changes_of(run, time_is_left=lambda: next(turns, False))) <= 3
    assert next(turns, None) is None


def momentum(data=(X, Y)):
    w = tf.Variable(tf.zeros((5, 1)))
    velocity = tf.Variable(tf.zeros((5, 1)))

    def update(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        gradient = tape.gradient(loss, w)
        velocity.assign(0.9 * velocity - gradient)
        w.assign_sub(0.05 * velocity)
        return loss

    return step(update, variables=[w], data=data)


def test_a_step_reports_the_same_loss_and_makes_other_updates():
    run = running(momentum(), steps=20)
    run.run(0)
    run.restart()
    changes = {change.change: change for change in changes_of(run, answers=False)}
    assert "`0.9 * velocity + gradient` in place of `0.9 * velocity - gradient`" in changes
    assert "`tf.reduce_sum` in place of `tf.reduce_mean`" not in changes


def squares(y_true, y_pred):
    return tf.reduce_max((y_pred - y_true) ** 2 + 0.1 * y_pred**2, axis=0)


def test_a_loss_stays_what_is_measured():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    model.compile(optimizers.SGD(0.1), squares)
    run = running(fit(model, X, X[:, :2]), steps=4)
    run.run(0)
    run.restart()
    assert changes_of(run) == []


class Sum(keras.Model):
    def __init__(self):
        super().__init__()
        self.wide = layers.Dense(4, "tanh")
        self.last = layers.Dense(1)
        self.skip = layers.Dense(1)

    def build(self, shape):
        self.wide.build(shape)
        self.last.build((None, 4))
        self.skip.build(shape)

    def call(self, inputs):
        wide = self.wide(inputs)
        centred = wide - tf.reduce_mean(wide, axis=0)
        rest = self.skip(inputs)
        return self.last(centred) + rest


def texts_of(model):
    if not model.built:
        model.build((None, 5))
    model.compile(optimizers.SGD(0.1), "mse")
    run = running(fit(model, X, Y), steps=4)
    run.run(0)
    run.restart()
    return {change.change for change in changes_of(run)}


def test_nothing_falls_out_of_use():
    """A model is no better for a layer that it no longer has."""
    texts = texts_of(Sum())
    assert "`self.last(centred) - rest` in place of `self.last(centred) + rest`" in texts
    assert "`self.last(centred)` in place of `self.last(centred) + rest`" not in texts


def test_a_name_gives_way_to_one_that_holds_a_thing_of_its_kind():
    texts = texts_of(Sum())
    assert "`wide` in place of `centred`" in texts
    assert not any(text.startswith("`rest` in place of `wide`") for text in texts)
    assert sys.getprofile() is None


class Block(layers.Layer):
    """A layer that never applies what it was given."""

    def __init__(self, activation):
        super().__init__()
        self.dense = layers.Dense(5)
        self.activation = activation

    def build(self, shape):
        self.dense.build(shape)

    def call(self, inputs):
        return self.dense(inputs)


def bent(x):
    return tf.maximum(x - 1.0, 0.0)


def test_an_activation_that_a_layer_never_applies_is():
    model = keras.Sequential([keras.Input((5,)), Block(tf.nn.tanh), layers.Dense(1)])
    assert "`self.activation(self.dense(inputs))` in place of `self.dense(inputs)`" in texts_of(
        model
    )


def test_activations_of_the_users_are_edited_too():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(5, bent), layers.Dense(1)])
    assert "`x + 1.0` in place of `x - 1.0`" in texts_of(model)


def test_steps_by_a_wrong_sign_go_uphill():
    run = running(momentum(), steps=20)
    run.run(0)
    run.restart()
    codes = {each.change: each.code for each in changes_of(run, answers=False)}
    turned = "`0.9 * velocity + gradient` in place of `0.9 * velocity - gradient`"
    assert codes.pop(turned) == "uphill-steps"
    assert "code" in codes.values()


def test_a_problem_whose_loss_is_all_there_is_has_none():
    w = tf.Variable(3.0)
    run = running(minimize(lambda: (w + 1.0) ** 2, [w], optimizers.SGD(0.1)), steps=4)
    run.run(0)
    run.restart()
    assert not changes_of(run)


@pytest.mark.parametrize("answers", [True, False])
def test_layers_count_where_their_answers_are_compared(answers):
    network = Gated()
    network.build((None, 5))
    optimizer = optimizers.SGD(0.01)

    def update(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((network(x) - y) ** 2)
        variables = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    start = step(update, variables=network.trainable_variables, data=(X, Y), optimizer=optimizer)
    run = running(start, steps=4)
    run.run(0)
    run.restart()
    found = {change.where for change in changes_of(run, answers=answers)}
    assert ((network.name,) in found) == answers


class Twice(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(3), layers.Dense(3)
        self.last = layers.Dense(1)

    def build(self, shape):
        self.first.build(shape)
        self.second.build(shape)
        self.last.build((None, 3))

    def call(self, inputs):
        one = self.first(inputs)
        other = self.second(inputs)
        return self.last(tf.tanh(one) * one + other)


def test_edits_of_one_text_in_two_places_are_two_changes():
    texts = texts_of(Twice())
    assert "`tf.tanh(other)` in place of `tf.tanh(one)`" in texts
    assert "`tf.tanh(one) * other` in place of `tf.tanh(one) * one`" in texts


class HalfRead(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(3), layers.Dense(3)
        self.last = layers.Dense(1)

    def build(self, shape):
        self.first.build(shape)
        self.second.build(shape)
        self.last.build((None, 3))

    def call(self, inputs):
        one = self.first(inputs)
        other = self.second(inputs)  # noqa: F841 - which is the slip
        return self.last(tf.tanh(one) + one)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_what_lets_more_variables_move_comes_first():
    model = HalfRead()
    model.build((None, 5))
    model.compile(optimizers.SGD(0.1), "mse")
    run = running(fit(model, X, Y), steps=2)
    run.run(0)
    run.restart()
    first, *rest = [change.change for change in changes_of(run)]
    assert "other" in first
    assert any("-self.first(inputs)" in each for each in rest)
