"""How much of the gradient reaches each step of what a recurrent layer reads."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.columns.signal import read_signal
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import Array
from pytest_converge.training.measures.gradients import StepGradient, measured_rows, undisturbed
from pytest_converge.training.measures.layer_inputs import counted_rows
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.state.snapshot import method_replaced, shadowed
from pytest_converge.training.training import Training

__all__ = ["FaintSteps", "faint_steps", "gradients_by_step"]

#: The gradient by a step against the largest by any, from which on it is next to nothing: a
#: thousandth of the influence is not learnt in as many steps as the rest takes.
FAINT = 1e-3
#: What steps tell of the targets without a model: this much where they matter, and no more than
#: that where they do not (of tables of noise 0.07 was the most, see `columns.signal`).
MATTERS, NOTHING = 0.25, 0.1
#: Parts in which steps are read: of all their columns together few rows tell too little.
PARTS = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FaintSteps:
    """Steps whose gradient is next to nothing, and on which the targets depend.

    Attributes:
        layer: the name of the recurrent layer that reads them.
        steps: how many steps it reads.
        count: how many of them are faint.
        first: True where these are the first ones, False for the last ones.
        ratio: the gradient by the farthest of them against the largest by any step.
    """

    layer: str
    steps: int
    count: int
    first: bool
    ratio: float


def faint_steps(training: Training) -> FaintSteps | None:
    """The steps of rows in memory that decide on the targets and get next to no gradient, or None.

    What is told of them is told without the model, by a linear fit or nearest neighbours: of what
    only a model could see there, nothing is said.
    """
    data = training.rows_in_memory
    if data is None or not _recurrent(training):
        return None
    leaves = dict(batch_leaves(counted_rows(data.arrays)))
    targets = [np.asarray(array) for name, array in leaves.items() if name[0] == "y"]
    inputs = [np.asarray(array) for name, array in leaves.items() if name[0] == "x"]
    if len(targets) != 1 or targets[0].ndim > 2:
        return None
    for name, norms in gradients_by_step(training).items():
        series = [array for array in inputs if array.ndim > 1 and array.shape[1] == len(norms)]
        faint = norms < FAINT * norms.max()
        first = bool(faint[0])
        count = int(faint.argmin()) if first else int(faint[::-1].argmin())
        if len(series) != 1 or not 0 < count < len(norms):
            continue
        parts = np.split(series[0], [count if first else len(norms) - count], axis=1)
        inside, outside = parts if first else reversed(parts)
        if _tell(inside, targets[0]) < MATTERS or _tell(outside, targets[0]) > NOTHING:
            continue
        far = norms[0] if first else norms[-1]
        ratio = float(far / norms.max())
        return FaintSteps(layer=name, steps=len(norms), count=count, first=first, ratio=ratio)
    return None


def _tell(steps: Array, targets: Array) -> float:
    """How well some steps predict the targets, the best of some parts of them."""
    parts = np.array_split(steps, min(PARTS, steps.shape[1]), axis=1)
    signals = [read_signal([part], targets) for part in parts]
    return max((signal.skill for signal in signals if signal is not None), default=0.0)


def _recurrent(training: Training) -> dict[str, Any]:
    named = [pair for model in training.models for pair in named_layers(model)]
    kinds = (keras.layers.RNN, keras.layers.Bidirectional)
    return {name: layer for name, layer in named if isinstance(layer, kinds)}


def gradients_by_step(training: Training) -> dict[str, Array]:
    """The norm of the gradient by each step that a recurrent layer reads, by the layer's name.

    One step of the training outside of any graph, without its update; changes no variable. Layers
    that run in a graph all the same, or that read no series, are left out.
    """
    chunks, layers = measured_rows(training), _recurrent(training)
    if not chunks or not training.optimizers or not layers:
        return {}
    probes: dict[str, tf.Variable] = {}
    found: dict[str, Array] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(undisturbed(training))
        stack.enter_context(_differentiated(probes, found))
        for name, layer in layers.items():
            stack.enter_context(shadowed([(layer, "call", _probed(layer, name, probes))]))
        StepGradient(training, trace=False)(chunks[0].batch)
    return {name: norms for name, norms in found.items() if norms.max(initial=0.0) > 0}


def _probed(layer: Any, name: str, probes: dict[str, tf.Variable]) -> Any:
    """The call of a layer with a zero added to its inputs that every tape watches."""
    original = layer.call

    @functools.wraps(original)
    def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        plain = isinstance(inputs, tf.Tensor) and inputs.shape.rank == 3
        if plain and name not in probes and tf.executing_eagerly():
            probes[name] = tf.Variable(tf.zeros_like(inputs))
            inputs = inputs + probes[name]
        return original(inputs, *args, **kwargs)

    return call


def _differentiated(
    probes: dict[str, tf.Variable], found: dict[str, Array]
) -> contextlib.AbstractContextManager[None]:
    """Asks each tape for the gradients by the probes beside what it is asked for."""
    original = tf.GradientTape.gradient

    @functools.wraps(original)
    def gradient(tape: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
        asked, more = original(tape, target, [sources, list(probes.values())], *args, **kwargs)
        for name, slope in zip(probes, _arrays(more), strict=True):
            if slope is not None:
                norms = np.sqrt(np.square(slope).sum(axis=(0, 2)))
                found[name] = norms + found.get(name, 0.0)
        return asked

    return method_replaced(tf.GradientTape, "gradient", gradient)


def _arrays(slopes: Sequence[Any]) -> list[Array | None]:
    return [None if slope is None else np.asarray(slope, np.float64) for slope in slopes]
