"""A sum or a mean over the columns of each row, in place of one over all rows."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
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
    rank = len(found.pooled)
    axis = 1 if rank == 2 else list(range(1, rank))
    is_column = len(found.target) > 1
    named = f"axis={axis}, keepdims=True" if is_column else f"axis={axis}"
    word = found.kind.lower()

    def each(original: Callable[..., Any]) -> Callable[..., Any]:
        turns = itertools.cycle(range(found.of))

        @functools.wraps(original)
        def call(values: Any, over: Any, keep_dims: Any = False, **settings: Any) -> Any:
            whole = not keep_dims and _is_whole(values, over, found.pooled)
            if not whole or next(turns) != found.number:
                return original(values, over, keep_dims, **settings)
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


def _is_whole(values: Any, over: Any, like: tuple[int, ...]) -> bool:
    """Whether a reduction takes all axes of an array with the columns of another."""
    shape, asked = tf.TensorShape(getattr(values, "shape", None)), tf.get_static_value(over)
    if shape.rank != len(like) or tuple(shape)[1:] != like[1:] or asked is None:
        return False
    return {int(axis) % len(like) for axis in np.ravel(asked)} == set(range(len(like)))
