"""Lines of the user's own code with a loss or an update changed."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

from pytest_converge.training.interventions import own_steps
from tests.training.interventions.trainings import written

w, b = tf.Variable([1.0, 2.0]), tf.Variable(0.0)
total = tf.Variable(0.0, trainable=False)
RATE, BETA = 0.1, 10.0


def root(y, p):
    mse = tf.reduce_mean((y - p) ** 2)
    return tf.sqrt(mse)


def stepping(x, y):
    with tf.GradientTape() as tape:
        loss = root(y, w * x) + BETA * tf.reduce_sum(b)
    g, h = tape.gradient(loss, [w, b])
    for v, d in zip([w, b], [g, h], strict=True):
        v.assign_add(RATE * d)
    total.assign_add(1.0)
    return loss


def applied(x, y):
    with tf.GradientTape() as tape:
        loss = root(y, w * x)
    g = tape.gradient(loss, [w])
    optimizer.apply_gradients(zip(g, [w], strict=False))
    return loss + 0.0 * b


def by_hand():
    w.assign(w - 0.5 * tf.ones(2))
    return tf.reduce_sum(w)


def scattered(at):
    w.scatter_add(tf.IndexedSlices(RATE * b, at))
    b.assign_add(RATE * b)
    return b


def reporting(x):
    with tf.GradientTape() as tape:
        first = root(x, w)
        total = first + b
    g = tape.gradient(first, [w, b])
    optimizer.apply_gradients(zip(g, [w, b], strict=False))
    return total


def summarised(x):
    with tf.GradientTape() as tape:
        losses = root(x, w) * tf.ones(3)
        objective = losses[0]
    g = tape.gradient(objective, [w, b])
    optimizer.apply_gradients(zip(g, [w, b], strict=False))
    return tf.reduce_mean(losses)


def summarised_later(x):
    with tf.GradientTape() as tape:
        objective = root(x, w)
        losses = objective * tf.ones(3)
    g = tape.gradient(objective, [w, b])
    optimizer.apply_gradients(zip(g, [w, b], strict=False))
    return tf.reduce_mean(losses)


class Weighed:
    def __init__(self):
        self.beta = 3.0

    def terms(self):
        return w + self.beta * b

    def step(self):
        return tf.reduce_sum(self.terms())


optimizer = keras.optimizers.SGD(0.1)


def of(function, trainable=(w, b)):
    return written(function=function, trainable=trainable)


def code(line):
    """Without the place, which has a test of its own."""
    return [each.partition("  # test_own_steps.py:")[0] for each in line.splitlines()]


def test_the_loss_is_what_the_gradient_is_taken_of():
    line = own_steps.loss_changed(of(stepping), lambda loss: f"{loss} / 32")
    assert code(line) == ["loss = (root(y, w * x) + BETA * tf.reduce_sum(b)) / 32"]
    line = own_steps.loss_changed(of(root), lambda loss: f"-{loss}")
    assert code(line) == ["return -tf.sqrt(mse)"]


@pytest.mark.parametrize(
    ("function", "factor", "line"),
    [
        (stepping, -1.0, "v.assign_sub(RATE * d)"),
        (stepping, 0.01, "v.assign_add(0.01 * RATE * d)"),
        (by_hand, -1.0, "w.assign(w + 0.5 * tf.ones(2))"),
        (by_hand, 0.1, "w.assign(w - 0.05 * tf.ones(2))"),
        (
            scattered,
            -1.0,
            "w.scatter_sub(tf.IndexedSlices(RATE * b, at))\nb.assign_sub(RATE * b)",
        ),
        (
            scattered,
            0.1,
            "w.scatter_add(tf.IndexedSlices(0.1 * RATE * b, at))\nb.assign_add(0.1 * RATE * b)",
        ),
    ],
)
def test_an_update_by_hand_is_turned_or_multiplied(function, factor, line):
    assert code(own_steps.updates_changed(of(function), factor)) == line.splitlines()


def test_what_an_optimizer_updates_is_no_update_by_hand():
    assert own_steps.updates_changed(of(applied), 0.1) == ""


def test_all_variables_get_a_gradient():
    assert code(own_steps.gradients_of_all(of(applied))) == [
        "g = tape.gradient(loss, [w, b])",
        "optimizer.apply_gradients(zip(g, [w, b], strict=False))",
    ]
    assert own_steps.gradients_of_all(of(stepping)) == ""


def test_the_gradient_is_that_of_the_loss_that_is_returned():
    assert code(own_steps.gradients_of_all(of(reporting))) == ["g = tape.gradient(total, [w, b])"]


def telling(x):
    with tf.GradientTape() as tape:
        loss = root(x, w)
    g = tape.gradient(loss, [w])
    optimizer.apply_gradients(zip(g, [w], strict=False))
    told = 2.0 * loss
    return told  # noqa: RET504 - as people write it


def by_two_tapes(x):
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            value = root(x, w)
        slope = inner.gradient(value, w)
        loss = value + slope
    return outer.gradient(loss, w)


def test_of_two_tapes_nobody_knows_which():
    assert own_steps.loss_changed(of(by_two_tapes), lambda loss: f"-{loss}") == ""


def test_what_is_made_of_the_loss_behind_its_tape_has_no_gradient():
    assert own_steps.gradients_of_all(of(telling, trainable=[w])) == ""


class Reporting(keras.Model):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = root(data, w)
            logs = {"loss": loss}
        g = tape.gradient(loss, [w])
        self.optimizer.apply_gradients(zip(g, [w], strict=False))
        return logs


def test_what_a_train_step_reports_is_no_loss():
    training = written(Reporting(), verb="fit")
    training.own_train_step = True
    assert code(own_steps.gradients_of_all(training)) == [
        "g = tape.gradient(loss, self.trainable_variables)",
        "self.optimizer.apply_gradients(zip(g, self.trainable_variables, strict=False))",
    ]


def test_the_gradient_is_that_of_what_is_returned_where_that_is_known_before():
    line = own_steps.gradients_of_all(of(summarised))
    assert code(line) == ["objective = tf.reduce_mean(losses)"]
    assert own_steps.gradients_of_all(of(summarised_later)) == ""


def test_a_number_is_changed_where_its_name_weighs_a_term():
    line = own_steps.number_changed(of(stepping), 10.0, 0.01)
    assert code(line) == ["loss = root(y, w * x) + 0.01 * tf.reduce_sum(b)"]
    assert own_steps.number_changed(of(stepping), 3.0, 0.01) == ""


def test_methods_that_a_method_calls_are_looked_at_too():
    line = own_steps.number_changed(of(Weighed().step), 3.0, 0.01)
    assert code(line) == ["return w + 0.01 * b"]


class Averaging(keras.Model):
    """Learns from the last of several losses, and reports their mean."""

    def __init__(self):
        super().__init__()
        self.reported, self.other = (keras.metrics.Mean(name=name) for name in "ab")

    def train_step(self, data):
        with tf.GradientTape() as tape:
            for part in data:
                loss = root(part, w)
            mean = loss / 2.0
        g = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(g, self.trainable_variables, strict=True))
        self.reported.update_state(mean)
        return {"loss": self.reported.result()}


class BehindTheTape(Averaging):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = root(data, w)
        mean = loss / 2.0
        g = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(g, self.trainable_variables, strict=True))
        self.reported.update_state(mean)
        return {"loss": self.reported.result()}


class OfBoth(Averaging):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = root(data, w)
            mean = loss / 2.0
        g = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(g, self.trainable_variables, strict=True))
        self.reported.update_state(mean)
        self.other.update_state(loss)
        return {"loss": self.reported.result()}


class Alike(Averaging):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = root(data, w)
        g = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(g, self.trainable_variables, strict=True))
        self.reported.update_state(loss)
        return {"loss": self.reported.result()}


class OfAnExpression(Averaging):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = root(data, w)
        g = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(g, self.trainable_variables, strict=True))
        self.reported.update_state(loss / 2.0)
        return {"loss": self.reported.result()}


def training_by(kind):
    training = written(kind(), verb="fit")
    training.own_train_step = True
    return training


def test_the_gradient_is_that_of_what_the_only_metric_is_fed_with():
    line = own_steps.gradient_of_the_reported(training_by(Averaging))
    number = Averaging.train_step.__code__.co_firstlineno + 5
    gradient = "g = tape.gradient(mean, self.trainable_variables)"
    assert line == f"{gradient}  # test_own_steps.py:{number}"


@pytest.mark.parametrize("kind", [BehindTheTape, OfBoth, Alike, OfAnExpression])
def test_what_no_tape_knows_or_more_than_one_metric_gets_is_no_line(kind):
    assert own_steps.gradient_of_the_reported(training_by(kind)) == ""


def test_a_step_that_is_no_train_step_feeds_no_metric():
    assert own_steps.gradient_of_the_reported(of(reporting)) == ""
