"""Replicas of a `tf.distribute` strategy: their variables, their gradients, their rows.

A variable of a strategy is a copy on each of its devices. Outside of the strategy it reads as its
first copy and writes to all of them, so that snapshots, probes and measurements need to know
nothing of it. What differs is named here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.keras_internals import (
    optimizer_strategy,
    tensorflow_variable,
    variable_set_to,
)

__all__ = [
    "first_copies",
    "is_summed_on_read",
    "local_variables",
    "own_rows",
    "replica_variable",
    "strategy_of",
    "summed_over_replicas",
]


def replica_variable(optimizer: Any, name: str) -> tf.Variable:
    """A scalar that every replica of an optimizer's strategy writes for itself.

    Args:
        optimizer: of Keras or of `tf.compat.v1.train`.
        name: of the variable.
    """
    with optimizer_strategy(optimizer).scope():
        return tf.Variable(
            0.0,
            trainable=False,
            name=name,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )


def summed_over_replicas(gradients: list[Any]) -> list[Any]:
    """Gradients as the update sees them, inside a step: added up over all replicas."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradients
    summed: list[Any] = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    return summed


def own_rows(batch: Any) -> Any:
    """The rows of a batch that are this replica's, inside a step.

    They are those that Keras' `fit` gives it by `experimental_distribute_dataset`: every replica
    gets equally many, rounded up, and the last ones what is left.
    """
    context = tf.distribute.get_replica_context()
    count = context.num_replicas_in_sync
    if count == 1:
        return batch
    place = context.replica_id_in_sync_group

    def cut(leaf: Any) -> Any:
        return leaf if leaf is None else _cut(leaf, place, count)

    return keras.tree.map_structure(cut, batch)


def _cut(leaf: Any, place: Any, count: int) -> Any:
    if isinstance(leaf, tf.SparseTensor):
        shape = tf.cast(leaf.dense_shape, tf.int64)
        each = -(-shape[0] // count)
        start = tf.minimum(tf.cast(place, tf.int64) * each, shape[0])
        size = tf.concat([[tf.minimum(each, shape[0] - start)], shape[1:]], axis=0)
        begin = tf.concat([[start], tf.zeros_like(shape[1:])], axis=0)
        return tf.sparse.slice(leaf, begin, size)
    if not tf.is_tensor(leaf) or (leaf.shape.rank is not None and not leaf.shape.rank):
        return leaf
    ragged = isinstance(leaf, tf.RaggedTensor)
    known = None if ragged else leaf.shape[0]
    rows = known or (leaf.nrows(out_type=tf.int32) if ragged else tf.shape(leaf)[0])
    each = -(-rows // count)
    part = leaf[place * each : (place + 1) * each]
    if known and not known % count:
        part = tf.ensure_shape(part, [each, *leaf.shape[1:]])
    return part


def strategy_of(variables: Iterable[Any]) -> Any:
    """The strategy under which `tf.Variable`s were made; None where they have no copies."""
    found = (getattr(variable, "distribute_strategy", None) for variable in variables)
    return next((strategy for strategy in found if strategy is not None), None)


def is_summed_on_read(variable: Any) -> bool:
    """True for a variable of which every replica keeps a part, as the metrics do."""
    inner = tensorflow_variable(variable)
    on_read = tf.VariableSynchronization.ON_READ
    return _is_distributed(inner) and inner.synchronization == on_read


def local_variables(variables: Iterable[Any]) -> list[tf.Variable]:
    """`tf.Variable`s; of one that is summed on reading the parts of this process's replicas."""
    found: list[tf.Variable] = []
    for variable in variables:
        inner = tensorflow_variable(variable)
        found += inner.values if is_summed_on_read(inner) else [inner]
    return found


def first_copies(variables: Iterable[Any]) -> list[Any]:
    """Settings by which Keras variables hold their first copy alone, a plain `tf.Variable`.

    Args:
        variables: of Keras.

    Returns:
        (object, attribute, value) of each that has copies.
    """
    held = ((v, tensorflow_variable(v)) for v in variables)
    return [variable_set_to(v, inner.values[0]) for v, inner in held if _is_distributed(inner)]


def _is_distributed(variable: Any) -> bool:
    return isinstance(variable, tf.distribute.DistributedValues)
