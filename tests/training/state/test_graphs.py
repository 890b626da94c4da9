"""Graphs: traced once where that is enough, and TensorFlow's settings put back."""

from __future__ import annotations

import contextlib
import gc

import pytest
import tensorflow as tf
from tensorflow.core.config import flags

from pytest_converge.training.state.graphs import (
    TracedForAnyRows,
    light_graph_optimizer,
    no_garbage_collection,
    tracing,
    uses_any,
)


@pytest.mark.parametrize(
    "before", [{"disable_meta_optimizer": False}, {"disable_meta_optimizer": True}]
)
def test_light_graph_optimizer_restores_the_options(before):
    kept = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({**before, "layout_optimizer": False})
    try:
        options = tf.config.optimizer.get_experimental_options()
        with contextlib.suppress(KeyboardInterrupt), light_graph_optimizer(10):
            inside = tf.config.optimizer.get_experimental_options()
            raise KeyboardInterrupt
        assert inside["disable_meta_optimizer"] is True
        assert tf.config.optimizer.get_experimental_options() == options
    finally:
        restored = {"disable_meta_optimizer": False, "layout_optimizer": True, **kept}
        tf.config.optimizer.set_experimental_options(restored)


def test_long_trainings_keep_the_graph_optimizer():
    with light_graph_optimizer(10_000):
        inside = tf.config.optimizer.get_experimental_options()
    assert not inside.get("disable_meta_optimizer", False)


@pytest.mark.parametrize("on", [True, False])
def test_garbage_is_collected_afterwards_as_before(on):
    was_on = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        with contextlib.suppress(KeyboardInterrupt), no_garbage_collection():
            inside = gc.isenabled()
            raise KeyboardInterrupt
        assert not inside
        assert gc.isenabled() is on
    finally:
        (gc.enable if was_on else gc.disable)()


def test_one_trace_serves_any_number_of_rows_and_other_shapes_get_theirs():
    traces = []

    def total(batch):
        traces.append(batch[0].shape)
        return tf.reduce_sum(batch[0])

    traced = TracedForAnyRows(total)
    assert [float(traced((tf.ones((rows, 4)), None))) for rows in (3, 7, 1)] == [12, 28, 4]
    assert len(traces) == 1
    assert float(traced((tf.ones((2, 5)), None))) == 10
    assert float(traced((tf.ones((3, 5)), None))) == 15
    assert len(traces) == 2


def test_other_types_get_a_trace_of_their_own_and_scalars_keep_their_shape():
    traces = []

    def product(x, factor):
        traces.append((x.dtype, factor.shape))
        return tf.reduce_sum(x) * tf.cast(factor, x.dtype)

    traced = TracedForAnyRows(product)
    assert float(traced(tf.ones(3), tf.constant(2.0))) == 6
    assert float(traced(tf.ones(4, tf.float64), tf.constant(2.0))) == 8
    assert float(traced(tf.ones(5), tf.constant(3.0))) == 15
    assert [shape for _, shape in traces] == [(), ()]
    assert [dtype for dtype, _ in traces] == [tf.float32, tf.float64]


def test_ragged_rows_are_taken_as_tensorflow_takes_them():
    traced = TracedForAnyRows(tf.reduce_sum)
    assert float(traced(tf.ragged.constant([[1.0, 2.0], [3.0]]))) == 6


def test_what_is_prepared_is_what_is_called():
    traced = TracedForAnyRows(tf.reduce_sum)
    assert traced.prepare(tf.ones(2)) is traced.prepare(tf.ones(9))
    assert float(traced.prepare(tf.ones(2))(tf.ones(9))) == 9


def test_a_graph_for_a_number_of_rows_knows_it():
    shapes = []

    def total(batch):
        shapes.append(batch.shape)
        return tf.reduce_sum(batch)

    traced = TracedForAnyRows(total)
    assert [float(traced(tf.ones((rows, 4)), fixed_rows=True)) for rows in (3, 3, 2)] == [12, 12, 8]
    assert float(traced(tf.ones((3, 4)))) == 12
    assert [tuple(shape) for shape in shapes] == [(3, 4), (2, 4), (None, 4)]


def test_graphs_are_built_as_before_after_tracing():
    flag = flags.config().graph_building_optimization
    before = flag.value()
    with contextlib.suppress(KeyboardInterrupt), tracing():
        inside = flag.value()
        raise KeyboardInterrupt
    assert inside
    assert flag.value() is before


def test_what_a_graph_uses_is_known_also_within_loops_and_functions():
    read, written, inner, unused = (tf.Variable(1.0) for _ in range(4))

    @tf.function(autograph=False)
    def within():
        return inner + 1.0

    def body(n):
        written.assign(read + within())
        return n + 1

    loop = tf.function(lambda: tf.while_loop(lambda n: n < 2, body, [0]), autograph=False)
    graph = loop.get_concrete_function().graph
    assert [uses_any(graph, [v]) for v in (read, written, inner, unused)] == [True] * 3 + [False]
    assert uses_any(graph, [unused, read])
    assert not uses_any(graph, [])
