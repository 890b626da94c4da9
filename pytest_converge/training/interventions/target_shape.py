"""Targets in the shape of the predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.interventions.batch_arrays import in_array
from pytest_converge.training.interventions.held_arrays import HeldArray
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.keras_internals import calls_of_operation
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = ["as_predicted", "flags", "held_as_predicted", "one_hot", "own_columns"]


def as_predicted(training: Training, name: str, *, column: bool) -> Intervention:
    """An array of targets with one axis more or less, so that nothing is broadcast.

    Args:
        training: has data.
        name: of the array, as `y`.
        column: True to make a column (rows, 1) of it, False to make a row (rows,) of a column.
    """
    index = (slice(None), None) if column else (slice(None), 0)

    code = "[:, None]" if column else "[:, 0]"
    return _changed(
        training,
        name,
        lambda leaf: leaf[index] if len(leaf.shape) == (1 if column else 2) else leaf,
        change=f"{name} of shape {'(n, 1)' if column else '(n,)'}",
        fix=f"{name} = {name}{code}",
    )


def held_as_predicted(held: HeldArray, *, column: bool) -> Intervention:
    """An array that the user's function closes over with one axis more or less.

    Args:
        held: the array.
        column: see `as_predicted`.
    """
    code, values = ("[:, None]", held.values[:, None]) if column else ("[:, 0]", held.values[:, 0])
    return Intervention(
        code="label-encoding",
        change=f"{held.name} of shape {'(n, 1)' if column else '(n,)'}",
        fix=held.line(f"y = y{code}"),
        where=(held.name,),
        variant=lambda _: held.replaced(values),
    )


def own_columns(*, column: bool) -> Intervention:
    """The column of each row that it asks for itself, out of a matrix of values.

    Args:
        column: True where the targets are a column (rows, 1), False where they are a row.
    """

    def each(original: Callable[..., Any]) -> Callable[..., Any]:
        def gather(params: Any, indices: Any, axis: Any, *args: Any, **named: Any) -> Any:
            ranks = [getattr(getattr(x, "shape", None), "rank", None) for x in (params, indices)]
            if ranks != [2, 1] or tf.get_static_value(axis) != 1:
                return original(params, indices, axis, *args, **named)
            own = original(params, indices[:, None], axis, batch_dims=1)
            return own if column else own[:, 0]

        return gather

    return Intervention(
        code="label-encoding",
        change="the column of each row that it asks for",
        fix=f"tf.gather(values, chosen[:, None], axis=1, batch_dims=1){'' if column else '[:, 0]'}",
        variant=lambda _: attributes_set(calls_of_operation("GatherV2", each)),
    )


def flags(training: Training, name: str, count: int) -> Intervention:
    """A column of grades as flags of being above 0, above 1 and so on, one an output.

    Args:
        training: has data.
        name: of the array (rows, 1), as `y`.
        count: the number of outputs.
    """
    return _in_columns(
        training,
        name,
        count,
        (tf.greater, np.greater, ">"),
        f"{name} as {count} flags, above 0 to above {count - 1}",
    )


def one_hot(training: Training, name: str, count: int) -> Intervention:
    """A column of class numbers as one-hot rows; see `flags`."""
    return _in_columns(
        training, name, count, (tf.equal, np.equal, "=="), f"{name} one-hot over {count} classes"
    )


def _in_columns(
    training: Training, name: str, count: int, compare: tuple[Any, Any, str], change: str
) -> Intervention:
    of_tensors, of_arrays, sign = compare

    def columns(leaf: Any) -> Any:
        if leaf.shape[-1] != 1:
            return leaf
        if isinstance(leaf, np.ndarray):
            return of_arrays(leaf, np.arange(count)).astype(np.float32)
        return tf.cast(of_tensors(leaf, tf.cast(tf.range(count), leaf.dtype)), tf.float32)

    fix = f'{name} = ({name} {sign} np.arange({count})).astype("float32")'
    found = _changed(training, name, columns, change=change, fix=fix)
    return dataclasses.replace(found, redefines_loss=True)


def _changed(
    training: Training, name: str, reshape: Callable[[Any], Any], *, change: str, fix: str
) -> Intervention:
    """An array of targets in another shape."""
    return in_array(
        Intervention(code="label-encoding", change=change, fix=fix, where=(name,)),
        training,
        name,
        of_rows=reshape,
        of_batch=reshape,
    )
