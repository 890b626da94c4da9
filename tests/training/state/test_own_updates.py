"""Updates that a step makes by itself, times a factor."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.state.own_updates import OwnUpdates

START = [3.0, -4.0]


class Step:
    """A step that moves a variable towards 0, and counts."""

    def __init__(self, compiled, body=None):
        self.variable, self.count = tf.Variable(START), tf.Variable(0)
        self.updates = OwnUpdates()
        self._body = body or (lambda v: v.assign_sub(0.1 * v))
        self._call = tf.function(self._one, autograph=False) if compiled else self._one

    def _one(self):
        with self.updates.of_step([self.variable, self.count]):
            self._body(self.variable)
            self.count.assign_add(1)

    def __call__(self):
        before = self.variable.numpy()
        self._call()
        return before, self.variable.numpy()


either = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])


@either
def test_updates_are_multiplied_without_a_new_trace(compiled):
    step = Step(compiled)
    before, after = step()
    np.testing.assert_array_equal(after, np.float32(before) - np.float32(0.1) * before)
    assert step.updates.can_be_scaled
    for factor in (10.0, 0.5, -1.0, 1.0):
        step.updates.set_factor(factor)
        before, after = step()
        np.testing.assert_allclose(after, before * (1 - 0.1 * factor), rtol=1e-5, atol=1e-6)
    assert int(step.count) == 5  # whole numbers are no weights


@either
def test_a_variable_that_is_written_twice_is_left_alone(compiled):
    def within_bounds(variable):
        variable.assign_sub(0.1 * variable)
        variable.assign(tf.clip_by_value(variable, -1.0, 1.0))

    step = Step(compiled, within_bounds)
    step()
    assert not step.updates.can_be_scaled
    step.updates.set_factor(0.0)
    _, after = step()
    np.testing.assert_allclose(after, [0.9, -0.9], rtol=1e-6)


@either
def test_a_step_that_turns_out_to_apply_an_optimizer_is_left_alone(compiled):
    variable, updates = tf.Variable(START), OwnUpdates()

    def one():
        with updates.of_step([variable], lambda: True):
            variable.assign_sub(0.1 * variable)

    (tf.function(one, autograph=False) if compiled else one)()
    assert not updates.can_be_scaled
    assert updates.writes == 0
