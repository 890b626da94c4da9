"""Snapshots put values back."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.state.snapshot import (
    Snapshot,
    as_tf_variable,
    attributes_set,
    method_replaced,
    name_of,
    shadowed,
    unique_variables,
)


@pytest.fixture
def variables():
    return [
        tf.Variable([[1.0, 2.0], [3.0, 4.0]]),
        tf.Variable(7, dtype=tf.int64),
        tf.Variable([True, False]),
        tf.Variable([0.1, 0.2], dtype=tf.float16),
        tf.Variable([0.1, 0.2], dtype=tf.bfloat16),
        tf.Variable([], shape=(0,), dtype=tf.float32),
    ]


def changed(variables):
    for variable in variables:
        value = variable.numpy()
        variable.assign(~value if value.dtype == bool else value + np.ones_like(value))


def same(values, others):
    return all(
        a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(values, others, strict=True)
    )


def test_every_value_and_type_is_put_back_as_often_as_asked(variables):
    before = [variable.numpy().copy() for variable in variables]
    snapshot = Snapshot(variables)
    for _ in range(3):
        changed(variables)
        assert not same([v.numpy() for v in variables], before)
        snapshot.restore()
        assert same([v.numpy() for v in variables], before)


def test_a_snapshot_does_not_follow_updates_in_place():
    variable = tf.Variable([1.0, 2.0])
    snapshot = Snapshot([variable])
    for _ in range(3):
        variable.assign_add([1.0, 1.0])
    snapshot.restore()
    assert variable.numpy().tolist() == [1.0, 2.0]


def test_other_values_for_some_variables():
    first, second = tf.Variable(1.0), tf.Variable(2.0)
    snapshot = Snapshot([first, second])
    other = snapshot.with_values({id(second): 9.0, id(object()): 5.0})
    other.restore()
    assert (first.numpy(), second.numpy()) == (1.0, 9.0)
    snapshot.restore()
    assert (first.numpy(), second.numpy()) == (1.0, 2.0)


def test_slots_make_the_second_run_equal_to_the_first():
    variable = keras.Variable([1.0, -2.0])
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build([variable])
    snapshot = Snapshot(unique_variables([variable, *optimizer.variables]))

    def run():
        for _ in range(5):
            optimizer.apply([2 * variable.value], [variable])
        return variable.numpy().tolist()

    first = run()
    assert run() != first
    snapshot.restore()
    assert run() == first


def test_a_keras_variable_is_its_tensorflow_variable():
    variable = keras.Variable([1.0])
    inner = as_tf_variable(variable)
    assert isinstance(inner, tf.Variable)
    assert as_tf_variable(inner) is inner
    inner.assign([3.0])
    assert variable.numpy().tolist() == [3.0]


def test_each_variable_is_listed_once_and_in_order():
    first, second = keras.Variable([1.0]), tf.Variable([1.0])
    found = unique_variables(v for v in [first, second, as_tf_variable(first), second])
    assert [id(v) for v in found] == [id(as_tf_variable(first)), id(second)]


class Plain:
    value = 1

    def double(self):
        return 2 * self.value


def test_attributes_are_put_back_in_reverse_also_after_an_error():
    one = Plain()

    def broken():
        with attributes_set([(one, "value", 2), (one, "value", 3)]):
            assert one.double() == 6
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert one.value == 1


def test_a_shadowed_method_comes_back():
    one = Plain()
    with shadowed([(one, "double", lambda: 0)]):
        assert one.double() == 0
        with shadowed([(one, "double", lambda: -1)]):
            assert one.double() == -1
        assert one.double() == 0
    assert one.double() == 2
    assert vars(one) == {}


def test_a_variable_has_the_name_that_its_user_knows():
    assert name_of(tf.Variable(1.0, name="w")) == "w"
    assert name_of(keras.Variable(1.0, name="kernel")) == "kernel"


def test_a_snapshot_knows_whether_it_was_left(variables):
    kept = Snapshot(variables)
    assert not kept.is_left()
    variables[4].assign(variables[4] + 1)
    assert kept.is_left()
    kept.restore()
    assert not kept.is_left()
    assert not Snapshot([]).is_left()


def test_a_method_is_replaced_meanwhile_and_inherited_again():
    class Outer:
        def name(self):
            return "outer"

    class Inner(Outer):
        pass

    for owner in (Outer, Inner):
        with method_replaced(owner, "name", lambda _: "other"):
            assert Inner().name() == "other"
        assert Inner().name() == "outer"
    assert "name" not in vars(Inner)
