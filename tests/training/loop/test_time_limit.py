"""A limit on the time of a run, by a clock of the test's own and in a real run."""

import time

import keras
import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.loop.time_limit import TimeLimit
from tests.zoo import problems
from tests.zoo.trainings import running


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def made(limit, clock, steps, a_step):
    """The ends of the pieces of a run whose steps take so many seconds."""
    ends = [0]
    while ends[-1] < steps:
        until = limit.until(ends[-1], steps)
        clock.now += (until - ends[-1]) * a_step
        ends.append(until)
        limit.check(until, steps)
    return ends[1:]


def test_pieces_grow_while_they_are_short(clock):
    assert made(TimeLimit(60, clock), clock, 1000, 1e-4)[-3:] == [255, 511, 1000]


def test_pieces_of_slow_steps_stay_short(clock):
    assert made(TimeLimit(60, clock), clock, 6, 1.0) == [1, 2, 3, 4, 5, 6]


def test_what_takes_longer_is_refused_by_its_step_and_time(clock):
    pattern = r"got a training at step 11 of 100 after 11 s; .* --converge-timeout=10\. Take fewer"
    with pytest.raises(InvalidTrainingError, match=pattern):
        made(TimeLimit(10, clock), clock, 100, 1.0)


def test_a_run_that_has_made_all_its_steps_is_in_time(clock):
    assert made(TimeLimit(10, clock), clock, 1, 11.0) == [1]


def test_every_start_has_the_whole_time(clock):
    limit = TimeLimit(10, clock)
    clock.now = 11.0
    assert made(limit.anew(), clock, 3, 1.0) == [1, 2, 3]


def test_pieces_change_no_loss():
    w = tf.Variable(3.0)
    start = problems.minimize(lambda: (w - 1) ** 2, [w], keras.optimizers.Adam(0.1))
    run = running(start, steps=50)
    whole = run.run(0)
    with run.limited(TimeLimit(60)):
        pieces = run.run(0, start={})
    assert pieces.curve.batch_loss == whole.curve.batch_loss
    assert run.run(0, start={}).curve.batch_loss == whole.curve.batch_loss
    run.training.release()


def test_a_slow_step_in_python_ends_at_its_limit():
    w = tf.Variable(3.0)

    def step():
        time.sleep(0.05)
        w.assign_sub(0.1 * float(w))
        return float(w) ** 2

    run = running(problems.step(step, variables=[w]), steps=10_000)
    with run.limited(TimeLimit(0.3)), pytest.raises(InvalidTrainingError, match=r"after 0\.\d+ s"):
        run.run(0)
    run.training.release()
