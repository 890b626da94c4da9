"""Too few steps: proven by more of them, or told where the loss still falls."""

from __future__ import annotations

import math
import types

import pytest
import tensorflow as tf
from keras.optimizers import SGD

from pytest_converge.core.diagnosis import Trial
from pytest_converge.core.guard import Guard
from pytest_converge.diagnosis.cause import FailedTraining
from pytest_converge.diagnosis.causes import too_few_steps
from pytest_converge.diagnosis.causes.too_few_steps import still_falls
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.training.interventions.steps import more
from tests.checks.curves import record_of
from tests.diagnosis.programs import conclusion, diagnosis_of
from tests.zoo.problems import minimize


def test_time_alone_is_missing_where_the_steep_side_forbids_a_larger_rate():
    w = tf.Variable([1.0, 1.0])
    curvature = tf.constant([100.0, 1.0])
    start = minimize(lambda: 0.5 * tf.reduce_sum(curvature * w**2), [w], SGD(0.018))
    found = diagnosis_of(start, steps=25, max_loss=0.02)
    assert (found.cause, found.proven, found.fix) == ("too-few-steps", True, "steps=100")


def slow_training(*losses, bound=0.01, steps=100):
    """Trials of 4 and 16 times the steps that ended with these losses."""
    done, changes = {}, {}
    for factor, loss in zip((4, 16), losses, strict=False):
        change = more(steps, factor)
        changes[change.change] = change
        done[change.change] = Trial(
            change=change.change, code="too-few-steps", losses=(loss,), passed=0
        )
    training = types.SimpleNamespace(
        verb="fit",
        own_train_step=False,
        full_batch=False,
        data=None,
        model=None,
        rows_in_memory=None,
        unwritten=(),
        trainable=(),
        optimizers=(),
    )
    trials = types.SimpleNamespace(
        reruns=types.SimpleNamespace(
            rows_of_any_kind=None, rows=None, roles=True, steps=steps, training=training, unmoved=()
        ),
        expectation=types.SimpleNamespace(max_loss=bound),
        changes=changes,
        without_terms={},
        guard=Guard(),
        done=done,
        like_the_failed_run=list(done.values()),
        best=min((loss for loss in losses if math.isfinite(loss)), default=math.inf),
    )
    return FailedTraining(trials, record_of([9.0, 0.4]), Evidence(rate=0.1))


def test_a_power_law_is_followed_to_the_target():
    """Half the loss for four times the steps: 0.1 at 1,600 is 0.05 at four times as many."""
    found = still_falls(slow_training(0.2, 0.1, bound=0.05))
    assert found.cause == "too-few-steps"
    assert found.fix == "steps=6000"
    assert found.message == (
        "0.2000 after 400 steps, 0.1000 after 1600: it still falls, and would reach"
        " max_loss=0.05 in about 6000"
    )


def test_far_beyond_what_was_run_no_number_of_steps_is_a_repair():
    found = still_falls(slow_training(0.2, 0.1, bound=0.025))
    assert (found.cause, found.fix) == ("too-few-steps", "")
    assert found.message.endswith("reach max_loss=0.025 after more than 10 times as many")


@pytest.mark.parametrize(("gained", "said"), [(0.0, False), (0.3, True), (None, True)])
def test_what_falls_by_heart_alone_is_not_promised(monkeypatch, gained, said):
    monkeypatch.setattr(too_few_steps, "relation", lambda _: gained)
    assert (still_falls(slow_training(0.2, 0.1, bound=0.05)) is not None) is said


@pytest.mark.parametrize(
    ("losses", "bound"),
    [
        ((0.2, 0.19), 0.1),
        ((0.2, 0.1), 1e-6),
        ((0.2,), 0.1),
        ((0.2, math.nan), 0.1),
        ((0.2, 0.1), None),
    ],
    ids=["no gain", "far away", "one run", "not finite", "no bound"],
)
def test_where_time_promises_nothing_nothing_is_promised(losses, bound):
    assert still_falls(slow_training(*losses, bound=bound)) is None


def test_a_slow_training_is_not_called_unreachable():
    found = conclusion(slow_training(0.2, 0.1, bound=0.05))
    assert (found.cause, found.floor) == ("too-few-steps", None)


def falling(after):
    """Steps of which a loss of 1 has this after four times as many; what is tried of them."""
    failed = slow_training(after, bound=0.1)
    failed.record = record_of([9.0, 1.0])
    return [change.steps_factor for change in too_few_steps.CAUSE.steps[1].repairs(failed)]


def test_many_more_steps_are_left_for_later_where_no_power_leads_to_the_bound():
    assert falling(0.5) == [4, 16]
    assert falling(0.88) == [4]
    assert falling(0.95) == [4]
