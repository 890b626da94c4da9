"""TensorFlow graphs: how they are traced and optimized."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.keras_internals import graphs_built_faster

__all__ = [
    "TracedForAnyRows",
    "functions_run_eagerly",
    "light_graph_optimizer",
    "no_garbage_collection",
    "tracing",
    "uses_any",
]

#: Grappler costs 40 to 130 ms a graph and saves 0 to 0.4 ms a step (MLP, CNN, LSTM of the
#: benchmark): it pays from about this many steps.
GRAPPLER_PAYS_FROM = 400


@contextlib.contextmanager
def light_graph_optimizer(steps: int, *, rounds: bool = False) -> Iterator[None]:
    """Leaves out TensorFlow's graph optimizer where a training is too short for it to pay.

    Args:
        steps: updates of the training.
        rounds: True where it computes in 16 bits: operations that the optimizer joins round once
            where they would round twice, so that the losses are Keras' only with it.
    """
    if rounds or steps >= GRAPPLER_PAYS_FROM:
        yield
        return
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        was_off = before.get("disable_meta_optimizer", False)
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": was_off})


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Leaves reference cycles alone meanwhile.

    A trace allocates some hundred thousand objects and with them starts collections of the whole
    heap, which TensorFlow has made large: 100 ms each.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def tracing() -> Iterator[None]:
    """Graphs are traced as fast as TensorFlow can meanwhile."""
    with no_garbage_collection(), graphs_built_faster():
        yield


@contextlib.contextmanager
def functions_run_eagerly() -> Iterator[None]:
    """What the user compiled runs outside of any graph meanwhile: once, that is sooner done."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


class TracedForAnyRows:
    """A function of tensors as a graph that is traced once for any number of rows.

    Structures with other types or row shapes get a trace of their own; ragged and sparse tensors
    one for each of their shapes.

    Args:
        function: takes nested structures of tensors and None.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = tf.function(function, autograph=False)
        self._traced: dict[Any, Any] = {}

    def prepare(self, *arguments: Any, fixed_rows: bool = False, stacked: bool = False) -> Any:
        """The graph for such arguments, traced now if it is new.

        Args:
            arguments: of the function.
            fixed_rows: True to trace it for these numbers of rows alone.
            stacked: True for any number of batches, each of such rows, behind one another.
        """
        leaves = keras.tree.flatten(arguments)
        first = 1 if stacked else 0
        key = (fixed_rows and _rows(leaves, first), *(_key(leaf, first) for leaf in leaves))
        if key in self._traced:
            return self._traced[key]
        if not all(leaf is None or isinstance(leaf, tf.Tensor) for leaf in leaves):
            return self._function
        free = first + (not fixed_rows)
        specs = keras.tree.map_structure(lambda leaf: _spec(leaf, free), arguments)
        with tracing():
            self._traced[key] = self._function.get_concrete_function(*specs)
        return self._traced[key]

    def __call__(self, *arguments: Any, fixed_rows: bool = False, stacked: bool = False) -> Any:
        """The function's value, from the graph for such arguments; see `prepare`."""
        return self.prepare(*arguments, fixed_rows=fixed_rows, stacked=stacked)(*arguments)


def uses_any(graph: Any, variables: Iterable[Any]) -> bool:
    """Whether a traced function reads or writes one of these variables.

    One with several copies counts as used: each has a handle of its own.
    """
    used = {id(tensor) for tensor in graph.external_captures}
    for variable in variables:
        handle = getattr(variable, "handle", None)
        if isinstance(variable, tf.distribute.DistributedValues) or handle is None:
            return True
        if id(handle) in used:
            return True
    return False


def _spec(leaf: Any, free: int) -> Any:
    """What a graph takes in a tensor's place: its first sides, so many, may have any length."""
    if leaf is None or leaf.shape.rank in (0, None):
        return leaf if leaf is None else tf.TensorSpec(leaf.shape, leaf.dtype)
    return tf.TensorSpec([None] * free + leaf.shape[free:], leaf.dtype)


def _rows(leaves: list[Any], side: int) -> tuple[Any, ...]:
    return tuple(
        leaf.shape[side]
        for leaf in leaves
        if isinstance(leaf, tf.Tensor) and leaf.shape.rank is not None and leaf.shape.rank > side
    )


def _key(leaf: Any, side: int) -> Any:
    """What a trace depends on: type and row shape, not the number of rows, along that side."""
    if not isinstance(leaf, tf.Tensor):
        return type(leaf)
    return leaf.dtype, tuple(leaf.shape[side + 1 :]) if leaf.shape.rank else ()
