"""Targets in the shape of the predictions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from pytest_converge.training.data.arrays import map_named
from pytest_converge.training.data.batches import ArrayData, Batch
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["as_predicted"]


def as_predicted(training: Training, name: str, *, column: bool) -> Intervention:
    """An array of targets with one axis more or less, so that nothing is broadcast.

    Args:
        training: has data.
        name: of the array, as `y`.
        column: True to make a column (rows, 1) of it, False to make a row (rows,) of a column.
    """
    index = (slice(None), None) if column else (slice(None), 0)

    def reshaped(batch: Batch) -> Batch:
        """A probe may be a step, so that a batch comes twice: then it has its shape already."""
        return map_named(batch, lambda named, leaf: leaf[index] if is_other(named, leaf) else leaf)

    def is_other(named: str, leaf: Any) -> bool:
        return named == name and len(leaf.shape) == (1 if column else 2)

    def data(rows: ArrayData) -> ArrayData:
        return rows.with_arrays(reshaped(rows.arrays))

    in_memory = training.rows_in_memory is not None
    code = "[:, None]" if column else "[:, 0]"
    return Intervention(
        code="label-encoding",
        change=f"{name} of shape {'(n, 1)' if column else '(n,)'}",
        fix=f"{name} = {name}{code}",
        where=(name,),
        data=data if in_memory else None,
        # Another number of axes needs a trace of its own, also where the rows are others.
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
