"""Variables that are not trained."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

from pytest_converge.training.interventions import (
    trainable,
)
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Reruns
from tests.training.interventions.trainings import SGD, STEPS, frozen, regression
from tests.zoo.problems import fit, linear, minimize, step
from tests.zoo.trainings import quiet, running, training_of


def test_frozen_finds_layers_and_variables():
    start = frozen()
    found, _ = trainable.frozen(start.arguments["model"])
    assert [layer.name for layer in found] == [start.arguments["model"].layers[0].name]
    assert trainable.frozen(regression().arguments["model"])[0] == []


def test_nothing_is_left_out_where_all_is_trained():
    w = tf.Variable([1.0, 2.0])
    training = running(minimize(lambda: tf.reduce_sum(w**2), [w], SGD(0.1)), steps=STEPS).training
    assert trainable.all_read(training) is None


def test_a_step_that_leaves_variables_out_updates_every_given_one():
    w, b = tf.Variable(1.0), tf.Variable(1.0)
    optimizer = SGD(0.1)

    @tf.function
    def train_step():
        with tf.GradientTape() as tape:
            loss = (w - 3.0) ** 2 + (b - 5.0) ** 2
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    run = running(step(train_step, variables=[w, b], optimizer=optimizer), steps=40)
    run.run(0)
    reruns = Reruns(run, 0, quiet)
    assert len(reruns.unmoved) == 1
    change = trainable.every_given(run.training, reruns.unmoved)
    with reruns.changed(change) as again:
        assert again(0).curve.last < 1e-3
    assert (float(w), float(b)) == (1.0, 1.0)
    with reruns.changed(Intervention(code="", change="nothing")) as again:
        assert again(0).curve.last > 15.0


def test_a_step_that_returns_another_loss_learns_from_that():
    w, b = tf.Variable(1.0), tf.Variable(1.0)
    optimizer = SGD(0.1)

    def train_step():
        with tf.GradientTape() as tape:
            first = (w - 3.0) ** 2
            both = first + (b - 5.0) ** 2
        gradients = tape.gradient(first, [w, b])
        optimizer.apply_gradients((g, v) for g, v in zip(gradients, [w, b], strict=True) if g)
        return both

    run = running(step(train_step, variables=[w, b], optimizer=optimizer), steps=40)
    assert run.run(0).curve.last > 15.0
    change = trainable.by_the_loss_returned(run.training)
    with Reruns(run, 0, quiet).changed(change) as again:
        assert again(0).curve.last < 1e-3
    assert (change.code, change.change) == ("unread-data", "updates by the loss that is returned")


class Halved(keras.Model):
    """Learns from one of two columns, and reports the mean of both."""

    def __init__(self):
        super().__init__()
        self.head, self.reported = layers.Dense(2), keras.metrics.Mean(name="loss")

    def call(self, x):
        return self.head(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            errors = tf.reduce_mean((self(x, training=True) - y) ** 2, axis=0)
            loss, mean = errors[1], tf.reduce_mean(errors)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.reported.update_state(mean)
        return {"loss": self.reported.result()}

    @property
    def metrics(self):
        return [self.reported]


def test_a_train_step_learns_from_what_it_reports():
    x, _ = linear(0, rows=32)
    model = Halved()
    model.compile(SGD(0.2))
    run = running(fit(model, x, x[:, :2]), steps=40)
    before = run.run(0).curve.last
    change = trainable.by_the_loss_returned(run.training)
    line = Halved.train_step.__code__.co_firstlineno + 5
    gradient = "gradients = tape.gradient(mean, self.trainable_variables)"
    assert change.fix == f"{gradient}  # test_trainable.py:{line}"
    with Reruns(run, 0, quiet).changed(change) as again:
        assert again(0).curve.last < 0.1 * before


class Hidden:
    """Holds a variable that no module of TensorFlow finds."""

    def __init__(self):
        self.value = tf.Variable(2.0)


class Module(tf.Module):
    def __init__(self):
        super().__init__()
        self.mean, self.hidden = tf.Variable(1.0), Hidden()


def test_variables_that_are_given_are_not_named_for_those_that_are_left_out():
    module, optimizer = Module(), SGD(0.1)
    given = list(module.trainable_variables)

    def train_step():
        with tf.GradientTape() as tape:
            loss = (module.mean - 3.0) ** 2 + module.hidden.value**2
        optimizer.apply_gradients(zip(tape.gradient(loss, given), given, strict=True))
        return loss

    training = training_of(step(train_step, variables=given, optimizer=optimizer))
    change = trainable.every_left_out(training, [module.hidden.value])
    assert "module.trainable_variables" not in change.fix
    assert change.fix.startswith("gradients = tape.gradient(loss, every)")


def halves(*, listed):
    """A step that trains some of two variables by a part of the loss that it returns."""
    a, b, optimizer = tf.Variable(1.0), tf.Variable(2.0), SGD(0.1)
    weights = [a, b][:listed]

    def train_step():
        with tf.GradientTape() as tape:
            part = (a - 3.0) ** 2
            loss = part + b**2
        gradients = tape.gradient(part, weights)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return loss

    return training_of(step(train_step, variables=weights, optimizer=optimizer)), b


def test_a_list_around_the_step_is_named_there():
    training, left_out = halves(listed=1)
    assert trainable.every_left_out(training, [left_out]).fix == "weights = [*weights, b]"


def test_the_loss_that_is_returned_stays_in_the_line():
    training, _ = halves(listed=2)
    fix = trainable.by_the_loss_returned(training).fix
    assert fix.startswith("gradients = tape.gradient(loss, weights)")
