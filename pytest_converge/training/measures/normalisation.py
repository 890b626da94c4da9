"""Layers that work on nothing: batch statistics of one value, or unused, and unmasked padding."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from pytest_converge.training.data.batches import Array
from pytest_converge.training.measures.recording import LayerCall, Recording

__all__ = ["Normalisation", "UnmaskedPadding", "normalisations", "unmasked_padding"]

#: Share of the rows that end in zeros from which zero stands for "no token": as token numbers they
#: would be the commonest of all, and at one place.
PADDED_ROWS = 0.3
#: Layers that normalise each row by itself.
BY_ROW = (keras.layers.GroupNormalization, keras.layers.LayerNormalization)
#: Layers that average over places or steps.
AVERAGES = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalAveragePooling3D,
)
#: Averages that differ by less from row to row, beside what they are made of, are alike.
ALIKE = 1e-4
#: Layers that hand the steps in time on as they are.
THROUGH = (keras.layers.Dropout, keras.layers.SpatialDropout1D, keras.layers.Activation)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Normalisation:
    """A layer of normalisation that does not do what it is for.

    Attributes:
        layer: its name.
        values: over how many values, of a channel or of a row, it takes mean and variance.
        in_training: False where it uses its moving averages, which then never move.
        by_row: True for one that normalises each row by itself, however many rows there are.
        averaged: the layer that then averages over the very places; empty for none.
    """

    layer: str
    values: int
    in_training: bool
    by_row: bool = False
    averaged: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnmaskedPadding:
    """Rows filled up with zeros whose last steps a recurrent layer reads as tokens.

    Attributes:
        embedding: the name of the layer that embeds them.
        recurrent: the name of the layer that reads them.
        share: the share of all tokens that are trailing zeros.
    """

    embedding: str
    recurrent: str
    share: float


def normalisations(recording: Recording) -> tuple[Normalisation, ...]:
    """The layers that normalise one value alone, or batches in inference mode."""
    found = {}
    for call in recording.calls:
        layer = call.layer
        if isinstance(layer, BY_ROW) and call.inputs and _values_of_a_row(call) == 1:
            found[call.name] = Normalisation(
                layer=call.name, values=1, in_training=True, by_row=True
            )
        averaged = _averaged(recording, call) if isinstance(layer, BY_ROW) else ""
        if averaged:
            found[call.name] = Normalisation(
                layer=call.name, values=1, in_training=True, by_row=True, averaged=averaged
            )
        if not isinstance(layer, keras.layers.BatchNormalization) or not call.inputs:
            continue
        shape = tuple(call.inputs[0].shape)
        values = int(np.prod(shape)) // max(int(shape[layer.axis]), 1)
        in_training = bool(call.training)
        if layer.trainable and (values == 1 or not in_training):
            found[call.name] = Normalisation(
                layer=call.name, values=values, in_training=in_training
            )
    return tuple(found.values())


def _averaged(recording: Recording, normalised: LayerCall) -> str:
    """The layer that averages what was normalised, to the same numbers for every row."""
    given = {id(tensor): tensor for tensor in normalised.outputs}
    for call in recording.calls:
        if not isinstance(call.layer, AVERAGES) or not call.inputs:
            continue
        if id(call.inputs[0]) in given:
            values, means = (
                np.asarray(each[0], np.float64) for each in (call.inputs, call.outputs)
            )
            if len(means) > 1 and means.std(axis=0).max() < ALIKE * values.std():
                return call.name
    return ""


def _values_of_a_row(call: LayerCall) -> int:
    """Over how many values a layer that normalises each row takes mean and variance."""
    layer, shape = call.layer, tuple(call.inputs[0].shape)
    if isinstance(layer, keras.layers.GroupNormalization):
        return int(np.prod(shape[1:])) // max(int(layer.groups), 1)
    axes = np.atleast_1d(layer.axis).tolist()
    return int(np.prod([int(shape[axis]) for axis in axes]))


def unmasked_padding(recording: Recording) -> UnmaskedPadding | None:
    """Token numbers that end in zeros and reach a recurrent layer without a mask, or None."""
    embedded: dict[int, tuple[LayerCall, float]] = {}
    for call in recording.calls:
        layer = call.layer
        if isinstance(layer, keras.layers.Embedding) and not layer.mask_zero and call.inputs:
            share = _padding(np.asarray(call.inputs[0]))
            if share:
                embedded.update({id(t): (call, share) for t in call.outputs})
        elif isinstance(layer, THROUGH) and call.inputs and id(call.inputs[0]) in embedded:
            embedded.update({id(t): embedded[id(call.inputs[0])] for t in call.outputs})
        elif _is_recurrent(layer):
            fed = next((embedded[id(t)] for t in call.inputs if id(t) in embedded), None)
            if fed is not None:
                return UnmaskedPadding(embedding=fed[0].name, recurrent=call.name, share=fed[1])
    return None


def _is_recurrent(layer: object) -> bool:
    return isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional))


def _padding(tokens: Array) -> float:
    """The share of tokens that are trailing zeros, of rows of several lengths; 0 for none."""
    if tokens.ndim != 2 or not tokens.size:
        return 0.0
    trailing = (tokens[:, ::-1] != 0).cumsum(axis=1) == 0
    padded = trailing[:, 0].mean()
    return float(trailing.mean()) if padded >= PADDED_ROWS else 0.0
