"""Which variables code uses, and what they were before."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.state.snapshot import Snapshot
from pytest_converge.training.state.touched import Touched


def touched(function):
    found = Touched()
    with found.watched():
        function()
    return found


def before(found):
    return [np.asarray(value).tolist() for _, value in found.apart_from([]).values()]


def test_a_variable_that_is_read_is_used():
    read, other = tf.Variable(1.0), tf.Variable(1.0)
    found = touched(lambda: read * 2)
    assert found.any_of([read])
    assert not found.any_of([other])
    assert found.apart_from([]) == {}


def test_what_was_written_is_known_as_it_was():
    a, b, c = tf.Variable(1.0), keras.Variable(2.0), tf.Variable([3.0, 4.0])

    def write():
        a.assign_add(5.0)
        a.assign(0.0)
        b.assign(7.0)
        c.scatter_sub(tf.IndexedSlices([1.0], [0]))

    assert before(touched(write)) == [1.0, 2.0, [3.0, 4.0]]


def test_what_a_compiled_function_may_write_is_known_as_it_was():
    a = tf.Variable(1.0)
    function = tf.function(lambda: a.assign_add(1.0))
    function()
    found = touched(function)
    assert before(found) == [2.0]
    assert found.any_of([a])
    (pair,) = found.apart_from([]).values()
    variable = pair[0]
    assert (variable.shape, variable.dtype, float(variable.numpy())) == ((), tf.float32, 3.0)
    Snapshot([variable], [pair[1]]).restore()
    assert float(a) == 2.0


def test_those_known_are_left_out():
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    found = touched(lambda: (a.assign(3.0), b.assign(4.0)))
    assert [float(value) for _, value in found.apart_from([a]).values()] == [2.0]


def test_a_variable_that_is_made_has_its_first_value():
    made = []

    def make():
        made.append(tf.Variable(3.0))
        made[0].assign_add(1.0)

    found = touched(make)
    assert before(found) == [3.0]


def test_all_kinds_of_operations_are_noted_those_in_new_graphs_included():
    function = tf.function(tf.exp)
    found = touched(lambda: function(tf.constant(1.0)) + 1.0)
    assert {"Exp", "AddV2"} <= set(found.kinds)
