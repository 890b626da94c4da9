"""Series of numbers filled up with one constant step, which a recurrent layer reads as data."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np

from pytest_converge.training.data.batches import Array
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import LayerCall

__all__ = ["PaddedSteps", "filled_up", "padded_steps"]

#: Share of the rows that end in the constant from which it stands for "no step".
PADDED_ROWS = 0.5
#: Where the constant is data it comes within the rows as often as at their ends: of what fills
#: them up no more than this share of the other steps is left.
SELDOM = 0.05


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PaddedSteps:
    """Rows of different lengths filled up with one constant step that a recurrent layer reads.

    Attributes:
        layer: the name of the layer that a mask belongs in front of; of a `Masking` its own.
        recurrent: the name of the recurrent layer that reads them.
        value: the constant step, one number a feature.
        share: the share of all steps that fill rows up.
        at_end: False where they stand at the beginning of the rows.
        masked: what the `Masking` takes for padding instead; None where there is no such layer.
        takers: the layers that get the mask of that `Masking`, as they are called.
        sequences: True where the recurrent layer puts out every step, so that a mask reaches the
            layers behind it and perhaps the loss.
    """

    layer: str
    recurrent: str
    value: tuple[float, ...]
    share: float
    at_end: bool
    masked: str | None
    takers: tuple[str, ...]
    sequences: bool


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    """Where padding enters the layers: the layer that reads it first, and what it is."""

    call: LayerCall
    value: Array
    share: float
    at_end: bool

    @property
    def is_masking(self) -> bool:
        return isinstance(self.call.layer, keras.layers.Masking)


def padded_steps(flow: Flow) -> PaddedSteps | None:
    """Series that a constant fills up and that reach a recurrent layer without its mask, or None.

    A layer that hands masks on may stand between.
    """
    handed_on: dict[int, _Entry] = {}
    found: tuple[_Entry, LayerCall] | None = None
    masked: list[tuple[_Entry, str]] = []
    for call in flow.recording.calls:
        series = _series(call)
        if series is None or isinstance(call.layer, keras.Model):
            continue
        entry = handed_on.get(id(series))
        if entry is None or not entry.is_masking:
            entry = _entry(flow, call, series) or entry
        if entry is None or (entry.call is call and _masks(call.layer, entry.value)):
            continue
        if _has_mask(call, series):
            masked.append((entry, call.name))
        unmasked = entry.is_masking or not _has_mask(call, series)
        if found is None and unmasked and _is_recurrent(call.layer):
            found = entry, call
        if call.layer.supports_masking:
            rows_and_steps = series.shape[:2]
            alike = [t for t in call.outputs if t.shape[:2] == rows_and_steps]
            handed_on.update({id(t): entry for t in alike})
    if found is None:
        return None
    entry, call = found
    of_masking = dict.fromkeys(name for other, name in masked if other is entry)
    return PaddedSteps(
        layer=entry.call.name,
        recurrent=call.name,
        value=tuple(float(number) for number in entry.value),
        share=entry.share,
        at_end=entry.at_end,
        masked=str(entry.call.layer.mask_value) if entry.is_masking else None,
        takers=tuple(of_masking) if entry.is_masking else (),
        sequences=bool(call.layer.return_sequences),
    )


def _is_recurrent(layer: Any) -> bool:
    return isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional))


def _series(call: LayerCall) -> Any:
    """The first tensor that a layer takes, where it holds rows of steps of numbers; or None."""
    first = call.inputs[0] if call.inputs else None
    if first is None or first.shape.rank != 3 or not first.dtype.is_floating:
        return None
    return first


def _has_mask(call: LayerCall, series: Any) -> bool:
    return any(t.dtype.is_bool and t.shape == series.shape[:2] for t in call.inputs[1:])


def _masks(layer: Any, value: Array) -> bool:
    """True for a `Masking` that knows the padding."""
    if not isinstance(layer, keras.layers.Masking):
        return False
    return bool(np.all(np.asarray(layer.mask_value, value.dtype) == value))


def _entry(flow: Flow, call: LayerCall, series: Any) -> _Entry | None:
    if id(series) in flow.by_variables:
        return None
    found = filled_up(np.asarray(series))
    return None if found is None else _Entry(call, *found)


def filled_up(series: Array) -> tuple[Array, float, bool] | None:
    """What rows of different lengths are filled up with.

    Args:
        series: rows of steps of features.

    Returns:
        The constant step, its share of all steps, and True where it stands at the end of the rows;
        None where nothing fills them up.
    """
    if not series.size:
        return None
    for at_end in (True, False):
        # Read from the end that is filled up.
        steps = series[:, ::-1] if at_end else series
        ends, counts = np.unique(steps[:, 0], axis=0, return_counts=True)
        value = ends[counts.argmax()]
        same = (steps == value).all(axis=2)
        lengths = np.minimum.accumulate(same, axis=1).sum(axis=1)
        padded, others = lengths.sum(), same.size - lengths.sum()
        # A row that is constant altogether may be one of data.
        filled = lengths[(lengths > 0) & (lengths < same.shape[1])]
        several = len(filled) >= PADDED_ROWS * len(lengths) and np.ptp(filled) > 0
        if several and same.sum() - padded <= SELDOM * others:
            return value, float(padded / same.size), at_end
    return None
