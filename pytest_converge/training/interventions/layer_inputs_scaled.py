"""Inputs of layers standardised in front of them, where the data cannot be changed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.numbers import listed, number
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.closed_over_inputs import UnscaledInput, is_off
from pytest_converge.training.measures.recording import recorded
from pytest_converge.training.model.structure import layers_of
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["adapted_anew", "standardised_in_front", "without_rescaling"]

#: What Keras' Normalization divides by at least.
EPSILON = 1e-7
#: Columns that a normalisation leaves further apart are not what it is for. Healthy data have such
#: columns too, so that it is a reason to try the usual one, and no finding.
LARGEST_RATIO = 100.0
#: More columns than this are standardised by one mean and one deviation, which can be written out.
MOST_WRITTEN = 8


def standardised_in_front(inputs: Sequence[UnscaledInput]) -> Intervention:
    """Each input with mean 0 and standard deviation 1 where its layer takes it.

    What a step differentiates by its inputs, as an equation of physics does, stays in their units.

    Args:
        inputs: on scales that do not suit their layers; one at least.
    """
    names = tuple(each.name for each in inputs)
    ends = [f"the input of {x.name} goes from {number(x.low)} to {number(x.high)}" for x in inputs]
    return Intervention(
        code="unscaled-features",
        change=f"input of {listed(names)} standardised",
        fix="\n".join(_code(each) for each in inputs),
        where=names,
        fault="; ".join(ends),
        variant=lambda _: shadowed(
            [(each.layer, "call", _scaled(each.layer.call, *_columns(each))) for each in inputs]
        ),
    )


def without_rescaling(training: Training) -> tuple[Intervention, ...]:
    """Every `Rescaling` of a model left out, one trial each, where it is fed with a suitable scale.

    That is what makes it one too many; a layer that is fed with bytes is not.
    """
    layers = [layer for model in training.models for layer in layers_of(model)]
    scaling = [layer for layer in layers if isinstance(layer, keras.layers.Rescaling)]
    if not scaling:
        return ()
    fed = {id(call.layer): call.inputs for call in recorded(training, training.first_batch()).calls}
    found = []
    for layer in scaling:
        values = [np.asarray(tensor.numpy(), np.float64) for tensor in fed.get(id(layer), ())]
        if len(values) == 1 and not is_off(values[0]):
            low, high = values[0].min(), values[0].max()
            found.append(_left_out(layer, float(low), float(high)))
    return tuple(found)


def adapted_anew(training: Training, arrays: Mapping[str, Any]) -> tuple[Intervention, ...]:
    """Every `Normalization` that makes values on no suitable scale, adapted to its data.

    It was adapted to other data, or to all columns as one (`axis=None`).

    Args:
        training: at its start.
        arrays: all rows in memory, by name, as a batch has them.
    """
    layers = [layer for model in training.models for layer in layers_of(model)]
    scaling = [layer for layer in layers if isinstance(layer, keras.layers.Normalization)]
    if not scaling:
        return ()
    recording = recorded(training, training.first_batch())
    batch = {name: np.asarray(leaf) for name, leaf in recording.leaves.items()}
    calls = {id(call.layer): call for call in recording.calls}
    found = []
    for layer in scaling:
        call = calls.get(id(layer))
        if call is None or len(call.inputs) != 1 or layer.invert:
            continue
        fed = np.asarray(call.inputs[0])
        names = [name for name, leaf in batch.items() if np.array_equal(leaf, fed)]
        if names and fed.ndim > 1 and _is_unsuitable(np.asarray(call.outputs[0], np.float64)):
            found.append(_adapted(layer, names[0], np.asarray(arrays[names[0]])))
    return tuple(found)


def _is_unsuitable(made: Any) -> bool:
    """Whether a normalisation leaves a scale that is off, or next to nothing of a column."""
    deviations = made.reshape(-1, made.shape[-1]).std(axis=0)
    varying = deviations[deviations > 0]
    return is_off(made) or (len(varying) > 1 and varying.max() > LARGEST_RATIO * varying.min())


def _adapted(layer: Any, name: str, rows: Any) -> Intervention:
    columns = rows.reshape(-1, rows.shape[-1]).astype(np.float64)
    mean, deviation = columns.mean(axis=0), np.maximum(columns.std(axis=0), EPSILON)

    def call(inputs: Any) -> Any:
        values = tf.cast(tf.convert_to_tensor(inputs), layer.compute_dtype)
        return (values - tf.cast(mean, values.dtype)) / tf.cast(deviation, values.dtype)

    fix = f"norm = keras.layers.Normalization(); norm.adapt({name})  # in place of {layer.name}"
    if layer.axis is None or layer.axis == ():
        why = "takes all columns as one"
    elif _is_adapted(layer):
        why = "was adapted to other data"
    else:
        why, fix = "was never adapted", f'model.get_layer("{layer.name}").adapt({name})'
    return Intervention(
        code="unscaled-features",
        change=f"{layer.name} adapted to the columns of {name}",
        fix=fix,
        where=(layer.name,),
        fault=f"{layer.name} {why}: what it makes of {name} is on no suitable scale",
        variant=lambda _: shadowed([(layer, "call", call)]),
    )


def _is_adapted(layer: Any) -> bool:
    """False where its statistics are those that it is made with."""
    if layer.input_mean is not None:
        return True
    mean, variance = (np.asarray(v) for v in (layer.adapt_mean, layer.adapt_variance))
    return bool((mean != 0).any() or (variance != 1).any())


def _left_out(layer: Any, low: float, high: float) -> Intervention:
    made = [float(np.max(end * layer.scale + layer.offset)) for end in (low, high)]
    ends, after = (
        f"from {number(min(pair))} to {number(max(pair))}" for pair in ((low, high), made)
    )
    return Intervention(
        code="unscaled-features",
        change=f"{layer.name} left out",
        fix=f"keras.layers.Rescaling(1.0)  # in place of {layer.name}, or leave it out",
        where=(layer.name,),
        fault=f"{layer.name} is fed with values {ends} and makes them {after}",
        variant=lambda _: shadowed([(layer, "scale", 1.0), (layer, "offset", 0.0)]),
    )


def _columns(each: UnscaledInput) -> tuple[Any, Any]:
    """(means, deviations), rounded as the code has them; of a constant column 1."""
    means, deviations = np.asarray(each.means), np.asarray(each.deviations)
    if len(means) > MOST_WRITTEN:
        spread = np.sqrt((deviations**2 + (means - means.mean()) ** 2).mean())
        means, deviations = means.mean(keepdims=True), np.array([spread])
    deviations = np.where(deviations > 0, deviations, 1.0)
    return _rounded(means), _rounded(deviations)


def _rounded(values: Any) -> Any:
    return np.array([float(f"{value:.4g}") for value in values])


def _scaled(original: Callable[..., Any], means: Any, deviations: Any) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        values = tf.convert_to_tensor(inputs)
        shift, by = (tf.cast(part, values.dtype) for part in (means, deviations))
        return original((values - shift) / by, *args, **kwargs)

    return call


def _code(each: UnscaledInput) -> str:
    means, deviations = _columns(each)
    if len(means) == 1:
        by, shift = f"1 / {deviations[0]:g}", f"{-means[0] / deviations[0]:.4g}"
        return f"keras.layers.Rescaling({by}, offset={shift})  # in front of {each.name}"
    variances = [float(f"{value**2:.7g}") for value in deviations]
    made = f"keras.layers.Normalization(mean={means.tolist()}, variance={variances})"
    return f"{made}  # in front of {each.name}"
