"""Attention that goes to the padding: a mask of the wrong sign."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pytest_converge.training.data.batches import Array
from pytest_converge.training.measures.flow import SAME_VALUES, Flow
from pytest_converge.training.measures.normalisation import PADDED_ROWS
from pytest_converge.training.measures.recording import Operation

__all__ = ["MASKED", "InvertedMask", "inverted_mask"]

#: A score as low as that, or lower, is one that a mask wrote: Keras writes -3e4 in float16.
MASKED = -1e4
#: Share of its attention that a row of some length may pay to its tokens where they are masked.
TO_TOKENS = 0.01
#: Operations by which a mask is laid over scores.
LAYS_MASK = frozenset({"Add", "AddV2", "SelectV2", "Sub"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InvertedMask:
    """A mask that lets the padding through and leaves the tokens out.

    Attributes:
        layer: whose call lays it over the scores; empty outside of any.
        kind: the operation that does.
        array: the input whose rows are filled up, by name.
    """

    layer: str
    kind: str
    array: str


def inverted_mask(flow: Flow) -> InvertedMask | None:
    """The first softmax whose masked places are the tokens of the rows and not their padding."""
    for name, leaf in flow.recording.leaves.items():
        padded = None if name[0] in "ys" else _padded(leaf)
        if padded is None:
            continue
        filled = padded.any(axis=1) & ~padded.all(axis=1)
        for softmax in flow.needed:
            if softmax.backward or softmax.kind != "Softmax":
                continue
            shape = tuple(softmax.outputs[0].shape)
            if len(shape) < 2 or (shape[0], shape[-1]) != padded.shape:
                continue
            scores, shares = (_by_place(t) for t in (softmax.inputs[0], softmax.outputs[0]))
            to_tokens = np.where(padded, 0.0, shares)[filled].sum(axis=1)
            tokens_are_masked = bool((scores[filled][~padded[filled]] <= MASKED).all())
            laid = _laid(flow, softmax)
            if laid is not None and tokens_are_masked and to_tokens.max() < TO_TOKENS:
                return InvertedMask(layer=laid.layer, kind=laid.kind, array=name)
    return None


def _by_place(tensor: Any) -> Array:
    """The mean over all axes but the rows and the last one."""
    values = np.asarray(tensor, dtype=np.float64)
    mean: Array = values.reshape(len(values), -1, values.shape[-1]).mean(axis=1)
    return mean


def _laid(flow: Flow, softmax: Operation) -> Operation | None:
    """The operation that lays a mask over the scores of a softmax."""
    operation = flow.producers.get(id(softmax.inputs[0]))
    while operation is not None and operation.kind in SAME_VALUES:
        operation = flow.producers.get(id(operation.inputs[0]))
    return operation if operation is not None and operation.kind in LAYS_MASK else None


def _padded(leaf: Any) -> Array | None:
    """Which places of the rows are zeros at one of their ends; None where few rows have any."""
    values = np.asarray(leaf)
    if values.dtype.kind not in "biuf" or values.ndim not in (2, 3) or not values.size:
        return None
    if values.ndim == 2 and values.dtype.kind == "f":
        return None  # columns of a table
    zero = values == 0 if values.ndim == 2 else (values == 0).all(axis=2)
    behind = np.cumprod(zero[:, ::-1], axis=1)[:, ::-1].astype(bool)
    before = np.cumprod(zero, axis=1).astype(bool)
    padded: Array = behind if behind[:, -1].sum() >= before[:, 0].sum() else before
    return padded if padded.any(axis=1).mean() >= PADDED_ROWS else None
