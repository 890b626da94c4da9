"""The layers of a model at its present weights: gradients, dead and saturated units."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import Array
from pytest_converge.training.keras_internals import child_layers, own_variables
from pytest_converge.training.measures.gradients import (
    StepGradient,
    flat,
    measured_rows,
    undisturbed,
)
from pytest_converge.training.state.snapshot import name_of, shadowed, unique_variables
from pytest_converge.training.training import Training

__all__ = [
    "RECTIFIERS",
    "LayerReading",
    "LayerReadings",
    "activation_of",
    "functions_of_layers",
    "layer_readings",
    "named_layers",
    "names_of_weights",
    "own_weights",
    "watched_calls",
]

#: Activations that give exactly 0 for every negative input.
RECTIFIERS = frozenset({"relu", "relu6"})
#: Bounds of the activations that saturate.
BOUNDS = {"sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
#: An output is saturated within this share of the range from a bound: there the slope of a sigmoid
#: is under 4 % of its largest.
SATURATED_WITHIN = 0.01
#: A unit is saturated when it is so on more than this share of the rows.
SATURATED_ROWS = 0.95


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LayerReading:
    """One layer, or one variable of a training without layers.

    Attributes:
        name: of the layer, behind the names of the models it is nested in: `encoder/dense`.
        kind: the layer's class, as in `Dense`; "variable" for a variable alone.
        size: number of its trained values; 0 for an activation layer and a frozen one.
        gradient_norm: L2 norm of the gradient of the mean loss by them; None where size is 0.
        gradient_rms: the norm over the square root of the size.
        activation: the name of the activation function; empty for none or an unknown one.
        units: length of the last axis of its output; 0 where it was not called.
        dead: share of units of a ReLU that are exactly 0 on all rows; None for others, and 0 where
            all that it is fed with is 0, which is no fault of the units.
        saturated: share of units of a sigmoid or tanh within 1 % of their bounds on more than
            95 % of the rows; None for others.
        deviation: standard deviation of all outputs; None where it was not called.
        alike: True where all of its units have the same weights, so that they get the same
            gradients and stay alike.
    """

    name: str
    kind: str
    size: int
    gradient_norm: float | None = None
    gradient_rms: float | None = None
    activation: str = ""
    units: int = 0
    dead: float | None = None
    saturated: float | None = None
    deviation: float | None = None
    alike: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LayerReadings:
    """All layers, from the input to the output.

    Attributes:
        layers: those with weights or with an activation.
        first_to_last: ratio of the `gradient_rms` of the first to that of the last layer that has
            a trained matrix, embeddings left out (most of their rows get no gradient); None with
            fewer than two such layers, or where the last gradient is 0.
        all_zero: True where the gradient of every trained variable is exactly 0.
        rows: rows of the data that were looked at.
        disconnected: layers, and variables of others, that the loss does not depend on: their
            gradient is none at all, where that of dead units is 0.
    """

    layers: tuple[LayerReading, ...]
    first_to_last: float | None
    all_zero: bool
    rows: int
    disconnected: tuple[str, ...] = ()

    @property
    def dead_share(self) -> float | None:
        """Dead units over all units of ReLUs; None without any."""
        relus = [(layer.dead, layer.units) for layer in self.layers if layer.dead is not None]
        units = sum(count for _, count in relus)
        return sum(dead * count for dead, count in relus) / units if units else None

    @property
    def saturated_share(self) -> float | None:
        """Saturated units over all units of sigmoids and tanhs; None without any."""
        bounded = [(x.saturated, x.units) for x in self.layers if x.saturated is not None]
        units = sum(count for _, count in bounded)
        return sum(share * count for share, count in bounded) / units if units else None


def layer_readings(training: Training) -> LayerReadings | None:
    """Reads the layers at the present weights on at most 256 rows, in training mode.

    One pass of the training's own step outside of any graph, without its update: about 10 ms for
    small dense models, ten times that for recurrent ones. Changes no variable.

    Returns:
        None where no gradient can be had: a step with an unknown optimizer, no rows to look at.
    """
    chunks = measured_rows(training, traced=False)
    if not chunks or not training.optimizers:
        return None
    layers = dict(named_layers(training.model)) if training.model is not None else {}
    clock = itertools.count()
    watches = {name: _Watch(activation_of(layer), clock) for name, layer in layers.items()}
    gradient = StepGradient(training, trace=False)
    with undisturbed(training), contextlib.ExitStack() as stack:
        for name, layer in layers.items():
            stack.enter_context(watched_calls(layer, watches[name]))
        mean = gradient.mean(chunks)
    if mean is None:
        return None
    by_variable = {id(v): part for v, part in zip(training.trainable, mean, strict=True)}
    if layers:
        called = sorted(layers, key=lambda name: watches[name].called)
        readings = [_layer(name, layers[name], watches[name], by_variable) for name in called]
        readings = [r for r in readings if r.size or r.activation]
    else:
        readings = [_variable(v, by_variable[id(v)]) for v in training.trainable]
    return LayerReadings(
        layers=tuple(readings),
        first_to_last=_first_to_last(layers, readings, by_variable),
        all_zero=not any(part.any() for part in mean),
        rows=sum(chunk.rows for chunk in chunks),
        disconnected=_disconnected(training, gradient, layers),
    )


def _disconnected(
    training: Training, gradient: StepGradient, layers: dict[str, keras.layers.Layer]
) -> tuple[str, ...]:
    """The layers whose weights got no gradient, then the single variables of other layers."""
    pairs = zip(training.trainable, gradient.store.tensors, strict=True)
    return names_of_weights(layers, [v for v, tensor in pairs if tensor is None])


def names_of_weights(
    layers: Mapping[str, keras.layers.Layer], variables: Iterable[Any]
) -> tuple[str, ...]:
    """The layers all of whose weights are among some variables, then what else these are."""
    lost = {id(v): v for v in variables}
    names: list[str] = []
    for name, layer in layers.items() if lost else ():
        own = [id(v) for v in own_weights(layer)]
        if own and all(v in lost for v in own):
            names.append(name)
            lost = {key: v for key, v in lost.items() if key not in own}
    singles = map(name_of, lost.values())
    return (*names, *singles)


def named_layers(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """Layers as the user knows them: models and composite layers of the user's are opened."""
    yield model.name, model
    yield from _inner_layers(model, "", set())


def functions_of_layers(models: Iterable[keras.Model]) -> dict[str, str]:
    """The names of the functions that layers `Lambda` call, by those of the layers."""
    return {
        name: layer.function.__name__
        for model in models
        for name, layer in named_layers(model)
        if isinstance(layer, keras.layers.Lambda) and layer.function.__name__.isidentifier()
    }


def _inner_layers(outer: Any, prefix: str, known: set[str]) -> Iterator[tuple[str, Any]]:
    for layer in child_layers(outer):
        name = f"{prefix}{layer.name}"
        while name in known:
            name += "'"
        known.add(name)
        yield name, layer
        if _is_open(layer):
            yield from _inner_layers(layer, f"{name}/", known)


def _is_open(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.Model) or not type(layer).__module__.startswith("keras.")


def own_weights(layer: keras.layers.Layer) -> list[Any]:
    """The trained weights of a layer; of one that is opened those that no inner layer has."""
    if not _is_open(layer):
        return unique_variables(layer.trainable_weights)
    return unique_variables(own_variables(layer) if layer.trainable else [])


class _Watch:
    """What is kept of a layer's outputs over all its calls."""

    def __init__(self, activation: str, clock: Iterator[int]) -> None:
        self.activation = activation
        self.called: float = math.inf
        self._clock = clock
        self.units = 0
        self.count, self.total, self.squares = 0, 0.0, 0.0
        self.rows = 0
        self.dead: Any = True
        self.fed = False
        self.ends: Any = 0

    def __call__(self, arguments: Any, output: Any) -> None:
        """Takes in an output with the units on the last axis."""
        self.called = min(self.called, next(self._clock))
        leaf = next(iter(keras.tree.flatten(output)), None)
        if not isinstance(leaf, tf.Tensor) or not hasattr(leaf, "numpy") or not leaf.shape.rank:
            return
        values = tf.cast(leaf, tf.float32).numpy() if leaf.dtype.is_floating else None
        if values is None or not values.size or self.units not in (0, values.shape[-1]):
            return
        self.units = values.shape[-1]
        values = values.reshape(-1, self.units)
        self.rows += len(values)
        self.count += values.size
        self.total += float(values.sum(dtype=np.float64))
        self.squares += float(np.square(values, dtype=np.float64).sum())
        if self.activation in RECTIFIERS:
            self.dead = self.dead & ~values.any(axis=0)
            self.fed = self.fed or _any_nonzero(arguments)
        elif self.activation in BOUNDS:
            low, high = BOUNDS[self.activation]
            margin = SATURATED_WITHIN * (high - low)
            self.ends = self.ends + ((values < low + margin) | (values > high - margin)).sum(axis=0)

    def deviation(self) -> float | None:
        """The standard deviation of everything seen."""
        if not self.count:
            return None
        mean = self.total / self.count
        return math.sqrt(max(self.squares / self.count - mean**2, 0.0))


def watched_calls(
    layer: keras.layers.Layer, watch: Callable[[Any, Any], None]
) -> contextlib.AbstractContextManager[None]:
    """Calls `watch(arguments, output)` after each call of a layer while the context lasts."""
    original = layer.call

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        output = original(*args, **kwargs)
        watch((args, kwargs), output)
        return output

    return shadowed([(layer, "call", call)])


def activation_of(layer: keras.layers.Layer) -> str:
    """The function whose value the layer returns, by name; empty where there is none."""
    gated = isinstance(layer, keras.layers.RNN) and not isinstance(layer, keras.layers.SimpleRNN)
    if gated:
        return ""
    if type(layer) is keras.layers.ReLU:
        return "" if layer.negative_slope else "relu"
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return "" if name == "linear" else str(name)


def _layer(
    name: str, layer: keras.layers.Layer, watch: _Watch, gradients: dict[int, Array]
) -> LayerReading:
    parts = [gradients[id(v)] for v in own_weights(layer) if id(v) in gradients]
    size = sum(part.size for part in parts)
    norm = float(np.linalg.norm(flat(parts))) if parts else None
    activation = watch.activation
    seen = watch.units > 0
    return LayerReading(
        name=name,
        kind=type(layer).__name__,
        size=size,
        gradient_norm=norm,
        gradient_rms=None if norm is None else norm / math.sqrt(size),
        activation=activation,
        units=watch.units,
        dead=float(np.mean(watch.dead) * watch.fed) if seen and activation in RECTIFIERS else None,
        saturated=float(np.mean(watch.ends > SATURATED_ROWS * watch.rows))
        if seen and activation in BOUNDS
        else None,
        deviation=watch.deviation(),
        alike=_is_alike(layer),
    )


def _any_nonzero(arguments: Any) -> bool:
    """True where some tensor among the arguments of a call holds anything but 0."""
    leaves = [leaf for leaf in keras.tree.flatten(arguments) if isinstance(leaf, tf.Tensor)]
    return any(bool(tf.reduce_any(leaf != 0)) for leaf in leaves)


def _is_alike(layer: keras.layers.Layer) -> bool:
    """True where the kernel and the bias of a layer are the same for all of several units.

    What a layer of the user's calls its weights is not known: there all of them have to be.
    """
    kernel, bias = getattr(layer, "kernel", None), getattr(layer, "bias", None)
    weights = [v for v in (kernel, bias) if isinstance(v, keras.Variable)]
    if not isinstance(kernel, keras.Variable) and _is_open(layer):
        weights = own_weights(layer)
    values = [np.asarray(v) for v in weights]
    if not any(v.ndim > 1 and v.shape[-1] > 1 for v in values):
        return False
    units = [v.reshape(-1, v.shape[-1]) for v in values if v.ndim]
    return all(bool((v == v[:, :1]).all()) for v in units)


def _variable(variable: Any, gradient: Array) -> LayerReading:
    norm = float(np.linalg.norm(gradient))
    return LayerReading(
        name=name_of(variable),
        kind="variable",
        size=gradient.size,
        gradient_norm=norm,
        gradient_rms=norm / math.sqrt(max(gradient.size, 1)),
    )


def _first_to_last(
    layers: dict[str, keras.layers.Layer],
    readings: list[LayerReading],
    gradients: dict[int, Array],
) -> float | None:
    ends = []
    for reading in readings:
        layer = layers.get(reading.name)
        if layer is None or isinstance(layer, keras.layers.Embedding):
            continue
        if any(len(v.shape) > 1 and id(v) in gradients for v in own_weights(layer)):
            ends.append(reading.gradient_rms or 0.0)
    return ends[0] / ends[-1] if len(ends) > 1 and ends[-1] > 0 else None
