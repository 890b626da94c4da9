"""The learning rate under observation: multiplied, whoever sets it, and seen to be set."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.state.test_optimizer import START, Decay, Problem


def test_a_rate_that_a_callback_set_meanwhile_is_kept():
    problem = Problem(keras.optimizers.SGD(0.1))
    problem.optimizer.learning_rate = 0.02
    problem.observed.release()
    assert float(problem.optimizer.learning_rate) == pytest.approx(0.02)


def test_users_see_their_own_rate_and_what_they_set_is_multiplied():
    problem = Problem(keras.optimizers.SGD(0.1))
    problem.observed.set_learning_rate_factor(0.5)
    assert float(problem.optimizer.learning_rate) == pytest.approx(0.1)
    assert problem.observed.plain_rate() == pytest.approx(0.1)
    before = problem.position
    problem.step()
    np.testing.assert_allclose(problem.position, before * 0.95, rtol=1e-6)
    problem.optimizer.learning_rate = 0.3
    assert float(problem.observed.learning_rate()) == pytest.approx(0.15)
    before = problem.position
    problem.step()
    np.testing.assert_allclose(problem.position, before * 0.85, rtol=1e-6)
    problem.observed.set_learning_rate_factor(1.0)
    assert float(problem.observed.learning_rate()) == pytest.approx(0.3)


def test_a_rate_is_known_to_be_set_by_a_step_only_where_one_sets_it():
    problem = Problem(keras.optimizers.SGD(0.1))
    problem.optimizer.learning_rate = 0.2
    problem.observed.begin_step()
    problem.observed.learning_rate_of_step(problem.observed.learning_rate())
    problem.optimizer.learning_rate = 0.3
    assert not problem.observed.rate_set_in_step
    problem.observed.begin_step()
    before = problem.observed.learning_rate()
    problem.optimizer.learning_rate.assign(0.4)
    problem.optimizer.apply_gradients([(tf.constant(START), problem.variable)])
    assert problem.observed.rate_set_in_step
    assert float(problem.observed.learning_rate_of_step(before)) == pytest.approx(0.4)
    problem.observed.release()
    assert "assign" not in problem.optimizer.learning_rate.__dict__


def test_another_optimizer_takes_the_rate_that_the_users_code_sets():
    problem, other = Problem(keras.optimizers.SGD(0.1)), keras.optimizers.SGD(0.5)
    other.build([problem.variable])
    with problem.observed.replaced_by(other):
        before = problem.position
        problem.step()
        np.testing.assert_allclose(problem.position, before * 0.5, rtol=1e-6)
        problem.optimizer.learning_rate = 0.2
        before = problem.position
        problem.step()
        np.testing.assert_allclose(problem.position, before * 0.8, rtol=1e-6)


def test_users_see_their_own_schedule():
    schedule = Decay(0.1, 1, 0.5)
    problem = Problem(keras.optimizers.SGD(schedule))
    problem.observed.set_learning_rate_factor(0.5)
    assert problem.optimizer.get_config()["learning_rate"]["config"]["decay_rate"] == 0.5
    with pytest.raises(TypeError, match="LearningRateSchedule"):
        problem.optimizer.learning_rate = 0.1
    assert float(problem.optimizer.learning_rate) == pytest.approx(0.1)
    assert float(problem.observed.learning_rate()) == pytest.approx(0.05)
    assert problem.observed.plain_rate() is None
