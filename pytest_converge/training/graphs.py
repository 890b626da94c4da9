"""TensorFlow graphs: how they are traced and optimized."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

__all__ = ["light_graph_optimizer", "traced_for_any_rows"]

#: Grappler costs 40 to 130 ms a graph and saves 0 to 0.4 ms a step (MLP, CNN, LSTM of the
#: benchmark): it pays from about this many steps.
GRAPPLER_PAYS_FROM = 400


@contextlib.contextmanager
def light_graph_optimizer(steps: int) -> Iterator[None]:
    """Leaves out TensorFlow's graph optimizer where a training is too short for it to pay."""
    if steps >= GRAPPLER_PAYS_FROM:
        yield
        return
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        was_off = before.get("disable_meta_optimizer", False)
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": was_off})


def traced_for_any_rows(function: Callable[[Any], Any], batch: Any) -> Any:
    """`function` of a batch as a graph that is traced once for any number of rows.

    Args:
        function: takes a nested structure of tensors and None.
        batch: an example; ragged and sparse tensors get a trace for each of their shapes.
    """
    traced = tf.function(function, autograph=False)
    leaves = keras.tree.flatten(batch)
    if not all(leaf is None or isinstance(leaf, tf.Tensor) for leaf in leaves):
        return traced
    return traced.get_concrete_function(keras.tree.map_structure(_any_rows, batch))


def _any_rows(leaf: Any) -> Any:
    return None if leaf is None else tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype)
