"""Targets in the shape of the predictions."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.data.arrays import map_named
from pytest_converge.training.data.batches import ArrayData, Batch
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["as_predicted", "flags", "one_hot"]


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
    """An array of targets in another shape; one that has it already is left as it is.

    A probe may be a step, so that a batch comes twice.
    """

    def reshaped(batch: Batch) -> Batch:
        return map_named(batch, lambda named, leaf: reshape(leaf) if named == name else leaf)

    def data(rows: ArrayData) -> ArrayData:
        return rows.with_arrays(reshaped(rows.arrays))

    in_memory = training.rows_in_memory is not None
    return Intervention(
        code="label-encoding",
        change=change,
        fix=fix,
        where=(name,),
        data=data if in_memory else None,
        # Another shape needs a trace of its own, also where the rows are others.
        variant=lambda changed: (
            contextlib.nullcontext() if in_memory else _each_batch(changed, reshaped)
        ),
    )


@contextlib.contextmanager
def _each_batch(training: Training, change: Callable[[Batch], Batch]) -> Iterator[None]:
    """Every batch of a stream changed."""
    methods = {method: getattr(training, method) for method in ("step", "bare_step", "probe")}

    def wrapped(method: str) -> Callable[[Batch], Any]:
        return lambda batch: methods[method](change(batch))

    with shadowed([(training, method, wrapped(method)) for method in methods]):
        yield
