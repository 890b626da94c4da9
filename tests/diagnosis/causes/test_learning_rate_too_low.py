"""A learning rate by which nothing arrives in time, and what else shortens all steps."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.diagnosis.causes.learning_rate_too_low import CAUSE
from tests.diagnosis.programs import diagnosis_of, distance, failed_of, proven_by_its_own
from tests.zoo.problems import linear, step

SGD = optimizers.SGD


def test_a_rate_far_too_low_comes_with_a_bracket():
    found = diagnosis_of(distance(SGD(0.001)), steps=100, max_loss=0.67)
    assert found.cause in ("learning-rate-too-low", "too-few-steps")
    assert found.proven
    assert found.bracket.own == pytest.approx(0.001)
    assert 0.001 < found.bracket.lowest <= found.bracket.proposed <= found.bracket.highest < 1.0


def test_a_rate_of_the_wrong_sign_is_turned():
    found = diagnosis_of(distance(SGD(-0.1)), steps=50, max_loss=0.67)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert len(found.tried) == 1


def decaying(steps):
    return SGD(optimizers.schedules.ExponentialDecay(0.1, steps, 0.1))


@pytest.mark.parametrize(
    ("optimizer", "changes"),
    [
        (lambda: decaying(2), 1),
        (lambda: decaying(27), 1),
        (lambda: decaying(100), 0),
        (lambda: SGD(0.1, clipnorm=1e-3), 2),
        (lambda: SGD(0.1, clipnorm=100.0), 0),
        (lambda: SGD(0.1), 0),
    ],
    ids=["decayed at once", "ends low", "decays slowly", "clipped", "hardly clipped", "plain"],
)
def test_what_shortens_all_steps_is_switched_off(optimizer, changes):
    failed = failed_of(distance(optimizer()), steps=30, max_loss=0.5)
    repairs = [change for step in CAUSE.steps for change in step.repairs(failed)]
    assert len(repairs) == changes


def test_a_bound_of_the_gradients_is_named():
    optimizer = SGD(0.1, momentum=0.5, clipnorm=1e-3)
    found = diagnosis_of(distance(optimizer), steps=100, max_loss=0.67)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert found.message.startswith("clipnorm=0.001 cuts every step: gradients have a norm of ")
    assert found.message.endswith("; it converges with clipnorm=1 instead of 0.001")
    assert found.fix == "keras.optimizers.SGD(0.1, momentum=0.5, clipnorm=1.0)"


def test_a_schedule_that_ends_low_is_named_with_its_last_rate():
    found = diagnosis_of(distance(decaying(10)), steps=100, max_loss=0.66668)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert found.message == (
        "the schedule, 0.1 at its peak, is at 1.3e-11 after 100 steps;"
        " it converges with the constant learning rate 0.1"
    )
    assert found.evidence["last_learning_rate"] == pytest.approx(1.26e-11, rel=0.01)
    assert found.fix == "keras.optimizers.SGD(0.1)"


def climbing():
    """Gradients negated by hand for an optimizer that subtracts by itself."""
    x, y = linear(0)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.01)

    @tf.function
    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        optimizer.apply_gradients([(-tape.gradient(loss, w), w)])
        return loss

    return step(train_step, variables=[w], optimizer=optimizer)


def test_steps_that_go_uphill_are_turned_round():
    found = proven_by_its_own(climbing(), "learning-rate-too-low", steps=200, max_loss=0.1)
    assert found.message.startswith("the steps go uphill")
    assert found.fix == "gradients = [-gradient for gradient in gradients]"
