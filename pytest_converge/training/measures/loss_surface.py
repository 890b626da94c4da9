"""Measures the loss around the path of a small problem, or around the end of a model's training."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.core.curve import LossSurface
from pytest_converge.training.data.batches import Chunk
from pytest_converge.training.loop.run import TrainingRun
from pytest_converge.training.measures.gradients import Vector
from pytest_converge.training.state.snapshot import Snapshot, name_of

__all__ = ["loss_surface"]

#: Points of a line, and of each side of a plane: enough for smooth contours within a second.
LINE, PLANE, MODEL_PLANE = 121, 41, 17
#: Points of a path; more cannot be told apart in a picture.
MOST_POINTS = 200
#: Rows on which a model's loss is measured.
MOST_ROWS = 256
#: Room around the path, as a share of its extent.
MARGIN = 0.25
#: A path that runs away is cut where it is so many times the start's size from the start.
AWAY = 100.0
#: A slice goes so many lengths of the weights to either side (Li, Xu, Taylor, Studer, Goldstein
#: 2018, Visualizing the loss landscape of neural nets, NeurIPS).
REACH = 1.0
#: What TensorFlow calls a variable that was given no name.
UNNAMED = "Variable"


def loss_surface(running: TrainingRun) -> LossSurface | None:
    """The surface of a training that has just been run; its state is put back afterwards.

    Args:
        running: the run; its data are those of the first start.

    Returns:
        The path over the surface where one or two parameters are minimised; a slice through the
        weights of a model with a probe set; None for anything else.
    """
    training = running.training
    variables = training.trainable
    size = sum(int(np.prod(v.shape)) for v in variables)
    ended = training.snapshot()
    try:
        if training.full_batch and size <= 2:
            return _problem(running, variables)
        chunks = training.chunks(MOST_ROWS)
        return _slice(running, variables, chunks) if chunks else None
    finally:
        ended.restore()


def _problem(running: TrainingRun, variables: list[tf.Variable]) -> LossSurface:
    path = list(_path(running, variables))
    own = {id(value): name for name, value in running.training.seen.items()}
    names = [_name(v, own) for v in variables for _ in range(int(np.prod(v.shape)))]
    if len(set(names)) < len(names):
        names = [f"{name}[{index}]" for index, name in enumerate(names)]
    points = np.array([point for point, _ in path])
    axes = [_axis(points[:, i], LINE if len(names) == 1 else PLANE) for i in range(len(names))]
    xs, ys = axes[0], axes[1] if len(axes) > 1 else np.array([0.0])

    def at(x: float, y: float) -> float:
        _assign(variables, np.array([x, y][: len(names)]))
        return running.loop.probe_loss([Chunk(None, 1)])

    return LossSurface(
        x=tuple(xs.tolist()),
        y=tuple(ys.tolist()) if len(axes) > 1 else (),
        losses=tuple(tuple(at(x, y) for x in xs) for y in ys),
        names=tuple(names),
        path=tuple((float(p[0]), float(p[1]) if len(p) > 1 else 0.0, loss) for p, loss in path),
    )


def _path(running: TrainingRun, variables: list[tf.Variable]) -> Iterator[tuple[Vector, float]]:
    """(values, loss) from the start to the end, as far as they are finite and not far away."""
    running.restart()
    running.loop.start(running.steps)
    stride = math.ceil(running.steps / MOST_POINTS)
    stops = [*range(0, running.steps, stride), running.steps]
    first = _values(variables)
    yield first, running.loop.probe_loss([Chunk(None, 1)])
    for start, stop in itertools.pairwise(stops):
        table = running.loop.advance(start, stop)
        here, loss = _values(variables), running.loop.probe_loss([Chunk(None, 1)])
        gone = np.abs(here - first).max() > AWAY * (1.0 + np.abs(first).max())
        if len(table) < stop - start or gone or not np.isfinite(loss):
            return
        yield here, loss


def _slice(running: TrainingRun, variables: list[tf.Variable], chunks: list[Chunk]) -> LossSurface:
    """The loss along two random directions whose filters are as long as those of the weights."""
    rng = np.random.default_rng(0)
    ended = [v.numpy() for v in variables]
    first, second = ([_direction(value, rng) for value in ended] for _ in range(2))
    steps = np.linspace(-REACH, REACH, MODEL_PLANE)

    def at(x: float, y: float) -> float:
        for variable, value, a, b in zip(variables, ended, first, second, strict=True):
            variable.assign((value + x * a + y * b).astype(value.dtype))
        return running.loop.probe_loss(chunks)

    trained = Snapshot(variables)
    losses = tuple(tuple(at(float(x), float(y)) for x in steps) for y in steps)
    trained.restore()
    return LossSurface(
        x=tuple(steps.tolist()),
        y=tuple(steps.tolist()),
        losses=losses,
        names=("direction 1", "direction 2"),
        slice_of_model=True,
    )


def _direction(value: Vector, rng: np.random.Generator) -> Vector:
    """A random direction, each filter as long as that of the weights; none for biases."""
    if value.ndim < 2 or value.dtype.kind != "f":
        return np.zeros(value.shape)
    drawn: Vector = np.asarray(rng.standard_normal(value.shape))
    lengths = np.linalg.norm(value.astype(np.float64).reshape(-1, value.shape[-1]), axis=0)
    own = np.linalg.norm(drawn.reshape(-1, value.shape[-1]), axis=0)
    return np.asarray(drawn * lengths / np.where(own > 0, own, 1.0))


def _axis(values: Vector, count: int) -> Vector:
    low, high = float(values.min()), float(values.max())
    room = MARGIN * (high - low) or 1.0
    return np.linspace(low - room, high + room, count)


def _values(variables: Sequence[Any]) -> Vector:
    return np.concatenate([v.numpy().reshape(-1).astype(np.float64) for v in variables])


def _assign(variables: Sequence[Any], values: Vector) -> None:
    done = 0
    for variable in variables:
        size = int(np.prod(variable.shape))
        part = values[done : done + size].reshape(variable.shape)
        variable.assign(part.astype(variable.dtype.as_numpy_dtype))
        done += size


def _name(variable: Any, own: Mapping[int, str]) -> str:
    """The name of a variable; of one that has none that of the loss or the step for it."""
    name = name_of(variable)
    return own.get(id(variable), "parameter") if name == UNNAMED else name
