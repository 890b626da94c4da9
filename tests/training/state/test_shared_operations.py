"""What an update repeats is added to a graph once, and no number is another one."""

from __future__ import annotations

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.state.shared_operations import repeats_shared


def traced(function):
    """The graph of a function and its kinds of operations, its repeats shared."""

    def shared(*args):
        with repeats_shared():
            return function(*args)

    graph = tf.function(shared, autograph=False).get_concrete_function()
    return graph, collections.Counter(each.type for each in graph.graph.get_operations())


def test_the_same_operation_is_added_once():
    v = tf.Variable([1.0, 2.0])
    graph, kinds = traced(lambda: tf.sqrt(v) * 2.0 + tf.sqrt(v) * 2.0)
    assert [kinds[kind] for kind in ("ReadVariableOp", "Sqrt", "Mul", "AddV2")] == [1, 1, 1, 1]
    np.testing.assert_allclose(graph(), 4.0 * np.sqrt([1.0, 2.0]), rtol=1e-6)


def test_other_inputs_types_and_constants_are_told_apart():
    v, w = tf.Variable(2.0), tf.Variable(2.0)
    graph, kinds = traced(
        lambda: [v * 1.0, w * 1.0, v * 3.0, tf.cast(v, tf.float64), tf.cast(v, tf.int32)]
    )
    assert (kinds["Mul"], kinds["Cast"], kinds["ReadVariableOp"]) == (3, 2, 2)
    assert [float(value) for value in graph()] == [2.0, 2.0, 6.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "write",
    [
        lambda v: v.assign(5.0),
        lambda v: v.assign_add(3.0),
        lambda v: tf.cond(v > 0.0, lambda: v.assign(5.0), v.read_value),
        lambda v: tf.function(lambda: v.assign(5.0), autograph=False)(),
        lambda v: tf.raw_ops.ResourceApplyGradientDescent(var=v.handle, alpha=-1.0, delta=3.0),
    ],
    ids=["assign", "assign_add", "condition", "function", "fused"],
)
def test_a_variable_that_may_have_been_written_is_read_again(write):
    v = tf.Variable(2.0)

    def both():
        before = v + 0.0
        write(v)
        return before, v + 0.0

    assert [float(value) for value in traced(both)[0]()] == [2.0, 5.0]


def test_writing_one_variable_leaves_the_others():
    v, w = tf.Variable(2.0), tf.Variable(3.0)

    def three():
        w.assign(v * 1.0)
        w.assign_add(v * 1.0)
        return w + 0.0

    graph, kinds = traced(three)
    assert (float(graph()), kinds["ReadVariableOp"]) == (4.0, 2)


def test_every_random_number_is_drawn():
    graph, kinds = traced(lambda: [tf.random.normal(()), tf.random.normal(())])
    first, second = graph()
    assert kinds["RandomStandardNormal"] == 2
    assert float(first) != float(second)


def test_tensors_from_outside_stay_apart():
    one, two = tf.Variable([1.0] * 9), tf.Variable([2.0] * 9)
    first, second = one.read_value(), two.read_value()
    graph, _ = traced(lambda: tf.reduce_sum(first) + 10.0 * tf.reduce_sum(second))
    assert float(graph()) == pytest.approx(9.0 + 180.0)


def test_a_tape_sees_each_operation():
    v = tf.Variable(3.0)

    def slopes():
        with tf.GradientTape(persistent=True) as tape:
            one = v * v
            both = one + v * v
        return tape.gradient(one, v), tape.gradient(both, v)

    graph, kinds = traced(slopes)
    assert [float(value) for value in graph()] == [6.0, 12.0]
    assert kinds["ReadVariableOp"] > 1


def test_what_waits_for_another_operation_is_added_again():
    v = tf.Variable(3.0)

    def two():
        first = v * 2.0
        with tf.control_dependencies([first]):
            return v * 2.0

    assert traced(two)[1]["Mul"] == 2


def test_one_use_within_another_ends_alone():
    v = tf.Variable(3.0)

    def nested():
        with repeats_shared():
            first = v * 2.0
        return first + v * 2.0

    assert float(traced(nested)[0]()) == 12.0
    _, kinds = traced(lambda: [nested(), v * 5.0, v * 5.0])
    assert kinds["Mul"] == 2


def test_nothing_happens_outside_of_graphs_of_functions():
    with repeats_shared():
        assert float(tf.Variable(2.0) + 1.0) == 3.0
    with tf.Graph().as_default(), repeats_shared():
        assert tf.constant(1.0) is not tf.constant(1.0)


OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda: optimizers.RMSprop(0.1, momentum=0.5, centered=True),
    "Adam": lambda: optimizers.Adam(0.1, amsgrad=True, clipnorm=1.0, weight_decay=0.01),
    "AdamW": lambda: optimizers.AdamW(0.1, global_clipnorm=1.0),
    "Adadelta": lambda: optimizers.Adadelta(0.1),
    "Adagrad": lambda: optimizers.Adagrad(0.1),
    "Adamax": lambda: optimizers.Adamax(0.1),
    "Adafactor": lambda: optimizers.Adafactor(0.1),
    "Nadam": lambda: optimizers.Nadam(0.1),
    "Ftrl": lambda: optimizers.Ftrl(0.1),
    "Lion": lambda: optimizers.Lion(0.1),
    "Lamb": lambda: optimizers.Lamb(0.1),
    "accumulating": lambda: optimizers.Adam(0.1, gradient_accumulation_steps=2),
    "averaging": lambda: optimizers.Adam(0.1, use_ema=True, ema_overwrite_frequency=2),
    "scheduled": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)),
    "scaling": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.1), initial_scale=4.0),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_every_optimizer_makes_the_same_updates(make):
    def trained(sharing):
        rng = np.random.default_rng(0)
        shapes = [(3, 4), (4,), (4, 2), (2,)]
        variables = [keras.Variable(rng.normal(size=shape)) for shape in shapes]
        optimizer = make()
        optimizer.build(variables)

        @tf.function(autograph=False)
        def step():
            gradients = [v * v * v - 0.5 * v for v in variables]
            if not sharing:
                optimizer.apply(gradients, variables)
                return
            with repeats_shared():
                optimizer.apply(gradients, variables)

        for _ in range(5):
            step()
        graph = step.get_concrete_function().graph
        state = [np.asarray(v) for v in [*variables, *optimizer.variables]]
        return state, len(graph.get_operations())

    (alone, most), (shared, fewer) = trained(False), trained(True)
    for expected, value in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(value, expected)
    assert fewer <= most
