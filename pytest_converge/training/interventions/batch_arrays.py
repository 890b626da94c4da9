"""One array of the batches changed, in memory or in a stream, whatever it means to a step."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from pytest_converge.training.data.arrays import map_named
from pytest_converge.training.data.batches import ArrayData, Batch
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["in_array"]


def in_array(
    said: Intervention,
    training: Training,
    name: str,
    *,
    of_rows: Callable[[Any], Any],
    of_batch: Callable[[Any], Any],
) -> Intervention:
    """A change of one array of the data.

    Args:
        said: what is said of it.
        training: has data.
        name: of the array, as `y` or `data[2]`.
        of_rows: makes another array of all rows, where they lie in memory.
        of_batch: makes another tensor of a batch of a stream.
    """

    def changed(arrays: Any, change: Callable[[Any], Any]) -> Any:
        return map_named(arrays, lambda named, leaf: change(leaf) if named == name else leaf)

    def data(rows: ArrayData) -> ArrayData:
        return rows.with_arrays(changed(rows.arrays, of_rows))

    in_memory = training.rows_in_memory is not None
    return dataclasses.replace(
        said,
        data=data if in_memory else None,
        # Another shape or type needs a trace of its own, also where the rows are others.
        variant=lambda running: (
            contextlib.nullcontext()
            if in_memory
            else _each_batch(running, lambda batch: changed(batch, of_batch))
        ),
    )


@contextlib.contextmanager
def _each_batch(training: Training, change: Callable[[Batch], Batch]) -> Iterator[None]:
    """Every batch of a stream changed, once: a probe may be a step, which gets it from there."""
    methods = {method: getattr(training, method) for method in ("step", "bare_step", "probe")}
    inside = False

    def wrapped(method: str) -> Callable[[Batch], Any]:
        def call(batch: Batch) -> Any:
            nonlocal inside
            if inside:
                return methods[method](batch)
            inside = True
            try:
                return methods[method](change(batch))
            finally:
                inside = False

        return call

    with shadowed([(training, method, wrapped(method)) for method in methods]):
        yield
