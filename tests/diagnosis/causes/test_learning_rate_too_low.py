"""A learning rate by which nothing arrives in time, and what else shortens all steps."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.diagnosis.causes import learning_rate_too_low
from pytest_converge.diagnosis.causes.learning_rate_too_low import CAUSE
from tests.diagnosis.programs import diagnosis_of, distance, failed_of
from tests.zoo.problems import minimize

SGD = optimizers.SGD


def test_a_rate_far_too_low_comes_with_a_bracket():
    found = diagnosis_of(distance(SGD(0.001)), steps=100, max_loss=0.67)
    assert found.cause in ("learning-rate-too-low", "too-few-steps")
    assert found.proven
    assert found.bracket.own == pytest.approx(0.001)
    assert 0.001 < found.bracket.lowest <= found.bracket.proposed <= found.bracket.highest < 1.0


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


def test_a_schedule_of_nothing_gets_a_rate():
    schedule = optimizers.schedules.PolynomialDecay(0.0, 10, 0.0)
    found = diagnosis_of(distance(SGD(schedule)), steps=100, max_loss=0.67)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert found.message.startswith(
        "the schedule has a learning rate of 0 in all of the 100 steps; "
    )
    assert "the constant learning rate" in found.message


@pytest.mark.parametrize("kind", [optimizers.Adam, optimizers.RMSprop])
def test_an_epsilon_that_outweighs_the_gradients_is_named(kind):
    start = distance(kind(0.05, epsilon=1e4))
    found = diagnosis_of(start, steps=100, max_loss=0.7)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert found.message.startswith("epsilon=10000 outweighs the gradients, whose numbers are ")
    assert found.fix == f"keras.optimizers.{kind.__name__}(0.05, epsilon=1e-07)"
    assert [trial.change for trial in found.tried] == ["epsilon=1e-07 instead of 10000"]


def test_an_epsilon_far_below_the_gradients_is_found_where_the_usual_one_is_too_large():
    w = tf.Variable(1.0)
    tiny = minimize(lambda: 1e-14 * (w - 3.0) ** 2, [w], optimizers.Adam(0.1))
    found = diagnosis_of(tiny, steps=100, max_loss=1e-15)
    assert (found.cause, found.proven) == ("learning-rate-too-low", True)
    assert "epsilon=1e-1" in found.fix


def test_a_usual_epsilon_is_left_alone():
    for optimizer in (optimizers.Adam(0.001), SGD(0.001)):
        failed = failed_of(distance(optimizer), steps=5, max_loss=0.67)
        assert not list(learning_rate_too_low._epsilon(failed))
