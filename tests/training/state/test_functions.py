"""Functions of the user's are called through others of the same code."""

from __future__ import annotations

import pytest
import tensorflow as tf

from pytest_converge.training.state.functions import OwnFunctions


class Counted:
    """A compiled function that adds what `amount` is while it is traced."""

    def __init__(self):
        self.amount, self.traces = 1.0, 0
        self.function = tf.function(self._add)

    def _add(self, x):
        self.traces += 1
        return x + self.amount


ONE = tf.constant(1.0)


def test_each_mode_has_a_graph_of_its_own_and_the_user_none():
    counted = Counted()
    own = OwnFunctions(lambda: counted.amount)
    values = []
    for amount in (1.0, 2.0, 1.0, 2.0):
        counted.amount = amount
        with own.in_place():
            values.append(float(counted.function(ONE)))
    assert values == [2.0, 3.0, 2.0, 3.0]
    assert counted.traces == 2
    assert counted.function.experimental_get_tracing_count() == 0
    counted.amount = 5.0
    assert float(counted.function(ONE)) == 6.0


def test_functions_within_a_trace_are_others_too():
    counted = Counted()
    own = OwnFunctions(lambda: ())

    @tf.function
    def outer(x):
        if x > 0.0:  # AutoGraph is at work
            x = counted.function(x)
        return x

    with own.in_place():
        assert float(outer(ONE)) == 2.0
        assert float(outer(-ONE)) == -1.0
    assert own.known
    assert counted.function.experimental_get_tracing_count() == 0


def test_a_method_that_is_compiled_in_its_class():
    class Model:
        def __init__(self):
            self.v = tf.Variable(1.0)

        @tf.function
        def step(self, x):
            return self.v.assign_add(x)

    model, own = Model(), OwnFunctions(lambda: ())
    with own.in_place():
        assert float(model.step(ONE)) == 2.0
        assert float(model.step(ONE)) == 3.0


def test_a_function_that_makes_its_variables_in_its_first_call():
    held = []

    @tf.function
    def step(x):
        if not held:
            held.append(tf.Variable(1.0))
        return held[0].assign_add(x)

    mode = [0]
    own = OwnFunctions(lambda: mode[0])
    for mode[0] in (0, 1):
        with own.in_place():
            step(ONE)
    assert float(held[0]) == 3.0


def test_what_is_traced_anew_is_forgotten_afterwards():
    counted = Counted()
    own = OwnFunctions(lambda: ())
    with own.in_place():
        counted.function(ONE)
        with own.traced_anew():
            counted.amount = 10.0
            assert float(counted.function(ONE)) == 11.0
        assert float(counted.function(ONE)) == 2.0
    assert counted.traces == 2
    own.forget()
    assert not own.known


def test_an_error_leaves_the_functions_as_they_are():
    own, original = OwnFunctions(lambda: ()), type(tf.function(lambda: 0)).__call__

    @tf.function
    def wrong():
        raise KeyError("what the user wrote")

    with pytest.raises(KeyError, match="what the user wrote"), own.in_place():
        wrong()
    assert type(wrong).__call__ is original
