"""The gradient of a training at its present weights, by its own step without the update."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import Array, Batch, Chunk
from pytest_converge.training.state.graphs import TracedForAnyRows
from pytest_converge.training.state.optimizer import GradientStore
from pytest_converge.training.state.snapshot import Snapshot, name_of
from pytest_converge.training.training import Training

__all__ = [
    "MOST_ROWS",
    "StepGradient",
    "Vector",
    "compiled",
    "cut",
    "flat",
    "gradient_norms",
    "measured_rows",
    "undisturbed",
]

#: One float64 number a trained value, or an array a variable.
Vector = Array

#: Rows that a measurement looks at: a standard error of 6 % of the spread, at the cost of some
#: steps.
MOST_ROWS = 256
#: Outside of any graph a batch costs some 10 ms: there no more than these many batches are looked
#: at, if these hold so many rows, of which a unit that is 0 on nine in ten is seen to live.
MOST_BATCHES, FEWEST_ROWS = 4, 64


def measured_rows(training: Training, *, traced: bool = True) -> list[Chunk]:
    """Rows of the probe set for a measurement, at most `MOST_ROWS`; empty where there are none.

    Args:
        training: whose rows they are.
        traced: False for fewer, since what looks at them runs outside of any graph.
    """
    if training.full_batch:
        return [Chunk(None, 1)]
    _, together = training.probe_chunks()
    if training.data is None or not together:
        return []
    rows = MOST_ROWS if traced else max(MOST_BATCHES * together, FEWEST_ROWS)
    return training.data.probe(min(rows, MOST_ROWS), min(together, MOST_ROWS))


@contextlib.contextmanager
def undisturbed(training: Training) -> Iterator[None]:
    """Puts every variable of the training back at the end."""
    before = training.snapshot()
    try:
        yield
    finally:
        before.restore()


class StepGradient:
    """Asks a training's own step for its gradient; the update is left out.

    It serves custom steps too: what counts is what reaches the optimizer. Gradients are those of
    the loss in training mode before any clipping. What else a step changes is put back: moving
    averages, metrics and seeds, so that the next call draws the same random numbers.

    Args:
        training: has an observed optimizer.
        trace: False to call the step outside of any graph, at once but slowly.

    Attributes:
        store: the gradient of the latest call.
    """

    def __init__(self, training: Training, *, trace: bool = True) -> None:
        self._training = training
        self.store = GradientStore(training.trainable)
        self._trace = trace
        self._function: Any = None

    def __call__(self, batch: Batch) -> list[Vector] | None:
        """The gradient on a batch, one float32 array a trainable variable.

        Returns:
            None where no gradient reaches an optimizer that is observed.
        """
        if self._function is None:
            self._function = compiled(self._training, self.fill) if self._trace else self.fill
        before = Snapshot(self._training.transient)
        try:
            self._function(batch)
        finally:
            before.restore()
        return [v.numpy() for v in self.store.values] if self.store.filled else None

    def mean(self, chunks: list[Chunk]) -> list[Vector] | None:
        """The gradient of the mean loss over chunks, weighted by their rows, in float64."""
        rows = sum(chunk.rows for chunk in chunks)
        total: list[Vector] = [np.zeros(value.shape) for value in self.store.values]
        for chunk in chunks:
            gradient = self(chunk.batch)
            if gradient is None:
                return None
            share = chunk.rows / rows
            total = [part + share * value for part, value in zip(total, gradient, strict=True)]
        return total

    def fill(self, batch: Batch) -> Any:
        """Fills the store with the gradient on a batch and returns the loss. Traced or called."""
        self.store.clear()
        with contextlib.ExitStack() as stack:
            for optimizer in self._training.optimizers:
                stack.enter_context(optimizer.muted())
                stack.enter_context(optimizer.handing_out(self.store))
            return self._training.bare_step(batch)


def gradient_norms(training: Training) -> dict[str, float]:
    """The L2 norm of the gradient of each trained variable, by its name, at the present weights."""
    mean = StepGradient(training, trace=False).mean(measured_rows(training))
    pairs = zip(training.trainable, mean or (), strict=False)
    return {name_of(variable): float(np.linalg.norm(part)) for variable, part in pairs}


def compiled(training: Training, function: Callable[[Batch], Any]) -> Any:
    """A function of a batch as a graph, unless the training's step cannot be part of one."""
    if training.eager_reason or tf.config.functions_run_eagerly():
        return function
    return functools.partial(TracedForAnyRows(function), fixed_rows=training.fixed_rows)


def flat(arrays: list[Any]) -> Vector:
    """Arrays behind one another as one float64 vector."""
    return np.concatenate([np.asarray(array, np.float64).ravel() for array in arrays])


def cut(vector: Vector, variables: list[tf.Variable]) -> list[Vector]:
    """A flat vector as arrays of the shapes of variables."""
    shapes = [tuple(v.shape) for v in variables]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(vector, ends), shapes, strict=True)]
