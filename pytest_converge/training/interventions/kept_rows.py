"""A sum or a mean over the columns of each row, in place of one over all rows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from pytest_converge.training.interventions import own_operations
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.places import changed_in_places
from pytest_converge.training.keras_internals import any_shape_of_reductions, calls_of_operation
from pytest_converge.training.measures.broadcasting import PooledRows
from pytest_converge.training.training import Training

__all__ = ["kept_rows"]


def kept_rows(user: Training, found: PooledRows) -> Intervention:
    """What pools all rows pools the columns of each, so that a target meets its own row.

    Args:
        user: the training, for the line to paste.
        found: the operation, which takes arrays of more than one axis, the rows first.
    """
    rank, columns = len(found.pooled), found.pooled[1:]
    axis = 1 if rank == 2 else list(range(1, rank))
    is_column = len(found.target) > 1
    named = f"axis={axis}, keepdims=True" if is_column else f"axis={axis}"
    word = found.kind.lower()

    def each(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(values: Any, over: Any, *args: Any, **settings: Any) -> Any:
            shape = getattr(values, "shape", tf.TensorShape(None))
            asked = tf.get_static_value(over)
            every = asked is not None and {int(n) % rank for n in asked.reshape(-1)}
            whole = every == set(range(rank)) and shape.rank == rank
            if not whole or tuple(shape)[1:] != columns:
                return original(values, over, *args, **settings)
            return original(values, list(range(1, rank)), is_column)

        return call

    own = own_operations.argument_changed(
        user, found.layer, found.kind, "axis", axis, at=found.place
    )
    return Intervention(
        code="output-loss-mismatch",
        change=f"a {word} over the columns of each row",
        fix=(not is_column and own) or f"tf.reduce_{word}(x, {named})",
        fault=(
            f"predictions of shape {found.pooled} become one number, the {word} over all rows,"
            f" which targets of shape {found.target} are compared with"
        ),
        variant=lambda training: changed_in_places(
            training,
            {found.layer: [*calls_of_operation(found.kind, each), *any_shape_of_reductions()]},
        ),
    )
