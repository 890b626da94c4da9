"""Steps that go uphill, and the sign that is wrong."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.diagnosis.order import Place
from tests.diagnosis.programs import diagnosis_of, distance, failed_of, proven_by_its_own
from tests.zoo.problems import fit, linear, minimize, sequential, step

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X, Y = linear(0, rows=64)
SGD = optimizers.SGD


def network(loss="mse", rate=0.05, kind=None):
    built = sequential(layers.Dense(1), optimizer=SGD(rate), loss=loss, shape=(4,))
    return built if kind is None else copied(built, kind, loss, rate)


def copied(built, kind, loss, rate):
    model = kind(built.inputs, built.outputs)
    model.compile(SGD(rate), loss)
    return model


@pytest.mark.parametrize(
    "start",
    [distance(SGD(-0.1)), distance(tf.compat.v1.train.GradientDescentOptimizer(-0.1))],
    ids=["keras", "compat v1"],
)
def test_a_rate_of_the_wrong_sign_is_turned(start):
    found = diagnosis_of(start, steps=50, max_loss=0.67)
    assert (found.cause, found.proven) == ("uphill-steps", True)
    assert found.message == (
        "the learning rate -0.1 is negative: each step goes uphill; it converges with learning"
        " rate 0.1"
    )
    assert found.fix.endswith("(0.1)")
    assert len(found.tried) == 1


def test_the_rates_of_a_schedule_are_turned():
    schedule = optimizers.schedules.ExponentialDecay(-0.1, 100, 0.5)
    found = diagnosis_of(distance(SGD(schedule)), steps=50, max_loss=0.67)
    assert found.cause == "uphill-steps"
    assert "ExponentialDecay(0.1, 100, 0.5)" in found.fix


def by_hand(sign, optimizer=None, *, compiled=True, loss_sign=1.0):
    w = tf.Variable(tf.zeros((4, 1)))

    def train_step():
        with tf.GradientTape() as tape:
            loss = loss_sign * tf.reduce_mean((X @ w - Y) ** 2)
        gradient = sign * tape.gradient(loss, w)
        if optimizer is None:
            w.assign_sub(0.05 * gradient)
        else:
            optimizer.apply_gradients([(gradient, w)])
        return loss

    made = tf.function(train_step) if compiled else train_step
    return step(made, variables=[w], optimizer=optimizer)


def test_a_negated_gradient_is_turned_round():
    start = by_hand(-1.0, SGD(0.01))
    found = proven_by_its_own(start, "uphill-steps", steps=200, max_loss=0.1)
    assert found.message == (
        "the steps go uphill: the gradient that SGD gets has the opposite sign of the loss's;"
        " it converges with every step in the opposite direction"
    )
    assert found.fix.startswith(
        "gradient = sign * (-tape.gradient(loss, w))  # test_uphill_steps.py:"
    )


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_an_update_by_hand_that_adds_is_turned_round(compiled):
    start = by_hand(-1.0, compiled=compiled)
    found = proven_by_its_own(start, "uphill-steps", steps=100, max_loss=0.1)
    assert found.message.startswith(
        "the steps go uphill: train_step adds the gradient of its loss where it should subtract it;"
    )
    assert found.fix.startswith("w.assign_add(0.05 * gradient)  # test_uphill_steps.py:")


def far_away(sign, *, clip=tf.identity):
    """Targets far from zero, which steps downhill alone do not reach either."""
    w, b = tf.Variable(tf.zeros((4, 1))), tf.Variable(0.0)

    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w + b - y) ** 2)
        for variable, gradient in zip([w, b], tape.gradient(loss, [w, b]), strict=True):
            variable.assign_sub(sign * 0.1 * clip(gradient))
        return loss

    data = tf.data.Dataset.from_tensor_slices((X, Y + 1000)).batch(32)
    return step(train_step, variables=[w, b], data=data)


def test_steps_uphill_that_are_far_too_short_are_seen_too():
    """They rise by less than the batches differ."""
    w = tf.Variable(tf.fill((4, 1), 0.01))

    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        w.assign_add(1e-5 * tape.gradient(loss, w))
        return loss

    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    start = step(train_step, variables=[w], data=data)
    found = diagnosis_of(start, steps=100, max_loss=0.1)
    causes = [part.cause for part in found.causes]
    assert (causes, found.proven) == (["uphill-steps", "learning-rate-too-low"], True)


@pytest.mark.slow
def test_steps_uphill_are_one_of_two_causes():
    start = far_away(-1.0, clip=lambda gradient: tf.clip_by_norm(gradient, 1.0))
    found = diagnosis_of(start, steps=150, max_loss=0.1)
    assert [part.cause for part in found.causes] == ["uphill-steps", "unscaled-targets"]
    assert found.proven


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_steps_are_seen_to_go_uphill_where_the_other_direction_is_not_enough(sign):
    clip = (lambda gradient: tf.clip_by_norm(gradient, 1.0)) if sign < 0 else tf.identity
    evidence = Evidence(rate=1.0, rose=True)
    failed = failed_of(far_away(sign, clip=clip), steps=5, evidence=evidence)
    usual = [change.change for group in cause().usual(failed) for change in group]
    assert usual == (["every step in the opposite direction"] if sign < 0 else [])
    (seen,) = (step for step in cause().steps if step.place is Place.SEEN_IN_THE_STEP)
    answer = seen.answer(failed)
    if sign > 0:
        assert answer is None
    else:
        assert answer.message.startswith("the steps go uphill: train_step adds the gradient")
        assert answer.trial is None


class Climbs(keras.Model):
    """Hands minus the gradient to its optimizer."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply([-gradient for gradient in gradients])
        return {"loss": loss}


def test_a_train_step_that_climbs_is_turned_round():
    start = fit(network(kind=Climbs), X, Y)
    found = proven_by_its_own(start, "uphill-steps", steps=60, max_loss=0.1)
    assert "the gradient that SGD gets has the opposite sign of the loss's" in found.message


def negative_error(y, predictions):
    return -tf.reduce_mean((y - predictions) ** 2, axis=-1)


def test_a_negated_loss_of_a_model_is_named():
    start = fit(network(negative_error, rate=0.3), X, Y)
    found = proven_by_its_own(start, "uphill-steps", steps=200, max_loss=0.1)
    assert found.message.startswith("the loss has the wrong sign: it fell from -")
    assert found.message.endswith("; it converges with the loss negated")
    assert found.fix == "loss=lambda y, p: -negative_error(y, p)"


def agreement(y, predictions):
    return tf.exp(-tf.reduce_mean((y - predictions) ** 2, axis=-1))


def test_a_score_that_is_minimised_is_told_by_its_metric():
    model = network(agreement)
    model.compile(SGD(0.3), agreement, metrics=[agreement])  # which reaches 0.99 from any start
    found = diagnosis_of(fit(model, X, Y), steps=150, metrics={"agreement": (0.8, None)})
    assert (found.cause, found.proven) == ("uphill-steps", True)
    assert found.message.startswith("the loss has the wrong sign: agreement went from 0.")
    assert found.fix == "loss=lambda y, p: -agreement(y, p)"


def test_a_negated_loss_of_a_function_is_named():
    w = tf.Variable([3.0, 3.0])
    start = minimize(lambda: -tf.reduce_sum(w**2), [w], SGD(0.4))
    found = proven_by_its_own(start, "uphill-steps", steps=200, max_loss=0.1)
    assert found.fix == "loss = lambda: -loss()"


def test_a_negated_loss_of_a_step_is_named():
    start = by_hand(1.0, SGD(0.3), loss_sign=-1.0)
    found = proven_by_its_own(start, "uphill-steps", steps=300, max_loss=0.1)
    assert found.fix.startswith("loss = -(loss_sign * tf.reduce_mean((X @ w - Y) ** 2))  # test_")


def test_a_likelihood_that_falls_below_zero_by_right_is_no_negated_error():
    """Its width goes to 0 on a perfect fit: turned round it has no bottom either."""
    w = tf.Variable([1.0, 0.0])
    start = minimize(lambda: tf.reduce_sum(w[1] + 0.0 * w[0]), [w], SGD(10.0))
    failed = failed_of(start, steps=50, max_loss=-1e9)
    answers = [step.answer for step in cause().steps if step.answer and step.place is Place.SIGN]
    assert not any(answer(failed) for answer in answers)
    assert failed.trials.done["the loss negated"].passed == 0 or not np.isnan(failed.best)


def cause():
    from pytest_converge.diagnosis.causes.uphill_steps import CAUSE

    return CAUSE


class Ascent(optimizers.Optimizer):
    """Its formula was written for a score."""

    def update_step(self, gradient, variable, learning_rate):
        self.assign_add(variable, keras.ops.cast(learning_rate, variable.dtype) * gradient)


@pytest.mark.parametrize("verb", ["fit", "minimize"])
def test_an_optimizer_class_that_adds_its_update(verb):
    start = distance(Ascent(0.1))
    if verb == "fit":
        start = fit(
            sequential(layers.Dense(1), optimizer=Ascent(0.05), loss="mse", shape=(4,)), X, Y
        )
    found = proven_by_its_own(start, "uphill-steps", steps=60, max_loss=0.67)
    assert "Ascent adds its update where it should subtract it" in found.message
    assert found.fix == "# in Ascent: subtract the update"


def game(sign):
    """Two variables by two optimizers, of which one may follow a loss of the wrong sign."""
    a, b = tf.Variable(3.0, name="a"), tf.Variable(2.0, name="b")
    first, second = optimizers.SGD(0.1), optimizers.SGD(0.05)

    def train_step():
        with tf.GradientTape(persistent=True) as tape:
            one, other = (a - 1.0) ** 2, sign * tf.abs(b + 1.0)
        first.apply([tape.gradient(one, a)], [a])
        second.apply([tape.gradient(other, b)], [b])
        return abs(a - 1.0) + abs(b + 1.0)

    return step(train_step, variables=[a, b])


def test_of_two_optimizers_the_one_that_goes_uphill_is_turned_round():
    found = proven_by_its_own(game(-1.0), "uphill-steps", steps=100, max_loss=0.2)
    assert found.verified[0].change == "every step of second in the opposite direction"
    assert found.fix == "loss = -loss  # that of which second gets the gradients"
    assert found.message.startswith("the steps of second go uphill: its loss has the wrong sign")


def overlap(y_true, y_pred):
    return (2 * tf.reduce_sum(y_true * y_pred) + 1) / (tf.reduce_sum(y_true + y_pred) + 1)


def likelihood(y_true, y_pred):
    away = (y_true - y_pred[:, :1]) ** 2
    return tf.reduce_mean(tf.sigmoid(y_pred[:, 1:]) * away) * 0.2 + 0.1


def density(y_true, y_pred):
    """Without a bottom, and below the bound as soon as its sign is another."""
    return 0.7 - 0.01 * tf.reduce_mean(y_pred) + 0.0 * tf.reduce_mean(y_true)


@pytest.mark.parametrize(
    ("loss", "units", "bound", "named"),
    [(overlap, 1, -0.8, True), (likelihood, 2, -0.8, False), (density, 1, -0.5, False)],
)
def test_a_score_that_is_minimised_is_negated_under_a_bound_below_it(loss, units, bound, named):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 3)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    last = layers.Dense(units, "sigmoid" if loss is overlap else None)
    model = sequential(last, optimizer=SGD(0.5), loss=loss, shape=(3,))
    found = diagnosis_of(fit(model, x, y), steps=100, max_loss=bound)
    assert (found.cause == "uphill-steps") is named
    if named:
        assert found.message.startswith("the loss has the wrong sign: it stays above 0, at ")
        assert found.fix == "loss=lambda y, p: -overlap(y, p)"
