"""Learning rates that the user's own code sets: what is tried, and the lines that say so."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import callbacks, layers, optimizers

from pytest_converge.training.interventions import optimizers as changed_optimizers
from pytest_converge.training.interventions.rerun import Reruns
from tests.diagnosis.programs import diagnosis_of
from tests.zoo.problems import Start, fit, linear, sequential
from tests.zoo.trainings import quiet, recorded, running

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X, Y = linear(3, rows=128)


def line(scale=1.0, optimizer=None, *, compiled=True, relative=False, reset=False):
    """A line fitted by a step that sets the rate of its optimizer, `scale` times what it should."""
    w = tf.Variable(tf.zeros((4, 1)))
    made = (
        optimizers.SGD(0.05 if not relative else 0.05 * scale) if optimizer is None else optimizer
    )
    count = tf.Variable(0.0)

    def train_step():
        if relative:
            made.learning_rate.assign(made.learning_rate * 0.99)
        else:
            made.learning_rate = scale * 0.1 / (1.0 + 0.01 * count)
        count.assign_add(1.0)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((X @ w - Y.reshape(-1, 1)) ** 2)
        made.apply(tape.gradient(loss, [w]), [w])
        return loss

    step = tf.function(train_step) if compiled else train_step
    return Start("step", {"step": step, "variables": [w], "optimizer": made})


def losses(start, steps=20):
    return recorded(start, steps=steps).curve.batch_loss


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
def test_the_rate_of_every_step_is_the_one_that_it_set(compiled):
    rates = recorded(line(compiled=compiled), steps=4).curve.learning_rate
    np.testing.assert_allclose(rates, [0.1 / (1 + 0.01 * n) for n in range(4)], rtol=1e-5)


def test_another_optimizer_gets_the_rate_that_the_step_sets():
    """A clip that was tried at the constant first rate would be another training when pasted."""
    reruns = Reruns(running(line(30.0), steps=20), 0, quiet)
    with reruns.changed(changed_optimizers.clipped(reruns.training)) as run:
        tried = run(0).curve
    pasted = line(30.0, optimizers.SGD(0.05, global_clipnorm=1.0))
    np.testing.assert_allclose(tried.batch_loss, losses(pasted), rtol=1e-5)
    # Everything is as it was.
    reruns.put_back()
    reruns.training.release()
    assert losses(line(30.0)) != tried.batch_loss


def test_a_rate_that_the_step_sets_is_repaired_where_it_is_set():
    found = diagnosis_of(line(30.0), max_loss=0.3, steps=40)
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    own, where = found.fix.splitlines()
    assert own.startswith("keras.optimizers.SGD(")
    factor = float(own.removeprefix("keras.optimizers.SGD(").removesuffix(")")) / 0.05
    assert where == f"# in train_step: {factor:.3g} times every learning rate that it sets"
    assert found.verified[0].change.endswith(", as train_step changes it")
    pasted = recorded(line(30.0 * factor), steps=40)
    assert pasted.curve.last == pytest.approx(found.verified[0].losses[0], rel=1e-3)


def test_a_rate_that_the_step_multiplies_is_changed_once():
    found = diagnosis_of(line(60.0, relative=True), max_loss=0.3, steps=40)
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    assert "\n" not in found.fix
    rate = float(found.fix.removeprefix("keras.optimizers.SGD(").removesuffix(")"))
    pasted = recorded(line(rate / 0.05, relative=True), steps=40)
    assert pasted.curve.last == pytest.approx(found.verified[0].losses[0], rel=1e-3)


class Multiplies(callbacks.Callback):
    """The rate that it finds, times 0.9."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.9 * float(self.model.optimizer.learning_rate)


def network(optimizer):
    def build():
        return sequential(layers.Dense(1), optimizer=optimizer(), loss="mse", shape=(4,))

    return build


def test_a_rate_that_a_callback_multiplies_is_changed_once():
    given = [Multiplies()]
    found = diagnosis_of(
        fit(network(lambda: optimizers.SGD(3.0)), X, Y, callbacks=given, epochs=10), max_loss=0.3
    )
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    assert "\n" not in found.fix
    rate = float(found.fix.removeprefix("keras.optimizers.SGD(").removesuffix(")"))
    pasted = recorded(
        fit(network(lambda: optimizers.SGD(rate)), X, Y, callbacks=[Multiplies()], epochs=10)
    )
    assert pasted.curve.last == pytest.approx(found.verified[0].losses[0], rel=1e-3)
    np.testing.assert_allclose(pasted.curve.learning_rate[0], rate, rtol=1e-5)


def test_a_callable_rate_is_repaired_by_a_product():
    def rate():
        return 3.0

    w = tf.Variable([3.0, 3.0])
    made = optimizers.SGD(rate)
    start = Start(
        "minimize", {"loss": lambda: tf.reduce_sum(w**2), "variables": [w], "optimizer": made}
    )
    found = diagnosis_of(start, max_loss=0.01, steps=50)
    assert found.cause == "learning-rate-too-high"
    factor = found.fix.removeprefix("keras.optimizers.SGD(learning_rate=lambda: ")
    assert factor.removesuffix(" * rate())").replace(".", "").isdigit(), found.fix


def test_the_loss_scale_stays_in_the_line_of_another_rate():
    def scaled():
        return optimizers.LossScaleOptimizer(optimizers.SGD(3.0), initial_scale=1024.0)

    found = diagnosis_of(fit(network(scaled), X, Y, epochs=10), max_loss=0.3)
    assert found.cause == "learning-rate-too-high"
    assert found.fix.startswith("keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(")
    assert found.fix.endswith("), initial_scale=1024.0)")


def by_hand(rate, kind):
    """A line fitted without an optimizer, whose rate is written in one of several places."""
    w, constant = tf.Variable(tf.zeros((4, 1))), tf.constant(rate)

    def train_step(given=rate):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((X @ w - Y.reshape(-1, 1)) ** 2)
        gradient = tape.gradient(loss, w)
        if kind == "constant":
            w.assign_sub(constant * gradient)
        else:
            w.assign(w - (rate if kind == "closure" else given) * gradient)
        return loss

    made = train_step if kind == "closure" else tf.function(train_step)
    return Start("step", {"step": made, "variables": [w]})


@pytest.mark.parametrize(
    ("rate", "kind", "how"),
    [(30.0, "constant", "long"), (1e-4, "closure", "short"), (30.0, "default", "long")],
)
def test_updates_by_hand_are_multiplied_wherever_their_rate_is_written(rate, kind, how):
    found = diagnosis_of(by_hand(rate, kind), max_loss=0.1, steps=60)
    direction = "high" if how == "long" else "low"
    assert (found.cause, found.proven) == (f"learning-rate-too-{direction}", True)
    assert found.message.startswith(f"the updates that train_step makes by itself are too {how};")
    changed, other = found.fix.splitlines()  # one of each branch
    factor = re.fullmatch(r"w\.assign_sub\((.+) \* constant \* gradient\)  # test_.*", changed)[1]
    assert other.startswith(f"w.assign(w - ({factor} * (rate if kind == ")
    pasted = recorded(by_hand(rate * float(factor), kind), steps=60)
    assert pasted.curve.last == pytest.approx(found.verified[0].losses[0], rel=1e-3)
    assert "learning_rate" not in found.evidence


class ByHand(keras.Model):
    """Descends without its optimizer."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        for v, g in zip(
            self.trainable_variables, tape.gradient(loss, self.trainable_variables), strict=True
        ):
            v.assign_sub(30.0 * g)
        return {"loss": loss}


def test_a_train_step_without_its_optimizer_is_repaired_where_it_makes_the_update():
    inputs = keras.Input((4,))
    model = ByHand(inputs, layers.Dense(1)(inputs))
    model.compile(optimizers.SGD(0.1), "mse")
    found = diagnosis_of(fit(model, X, Y), max_loss=0.1, steps=40)
    assert (found.cause, found.proven) == ("learning-rate-too-high", True)
    assert found.fix.startswith("v.assign_sub(0.3 * g)  # test_rates_of_the_user.py:")
