"""What the first trained layers of a model are fed with, and on what scale it is."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from pytest_converge.columns.profile import profile_arrays
from pytest_converge.columns.scale import HIGHEST_TARGET, ScaleEvidence, scale_evidence
from pytest_converge.core.data_report import GroupProfile
from pytest_converge.core.guard import is_ours
from pytest_converge.training.data.arrays import batch_leaves, common_rows
from pytest_converge.training.data.batches import TrainingData
from pytest_converge.training.data.sources import has_composites
from pytest_converge.training.measures.gradients import MOST_ROWS, undisturbed
from pytest_converge.training.measures.layer_readings import (
    named_layers,
    own_weights,
    watched_calls,
)
from pytest_converge.training.model.losses import losses_of_outputs
from pytest_converge.training.model.structure import call_model
from pytest_converge.training.training import Training

__all__ = ["FED", "TrainingScales", "counted_rows", "training_scales"]

Array = np.ndarray[Any, Any]

#: How an array is named that preprocessing layers or operations made of the inputs.
FED = "input of "
#: Losses whose targets may have any unit; those of others are classes, counts or directions.
FREE_TARGETS = frozenset({"mean_squared_error", "mean_absolute_error", "huber", "log_cosh"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingScales:
    """The scales that a training works on.

    Attributes:
        scales: of inputs and targets. An input that preprocessing layers change is measured
            behind them and named `input of dense`.
        evidence: what the scale rule says of them.
        codes: arrays of token or class numbers and of targets whose unit the loss prescribes:
            not to be standardised.
    """

    scales: tuple[GroupProfile, ...]
    evidence: ScaleEvidence
    codes: frozenset[str]


def training_scales(
    training: Training,
    multiplied: Collection[str] = (),
    *,
    targets: Collection[str] = (),
    roles: bool = True,
    most_rows: int | None = None,
) -> TrainingScales | None:
    """Measures inputs and targets at the initial weights; changes no variable.

    Arrays that reach a trained layer as they are, reshaped or side by side, are measured on all
    rows, also where they lie beside what trained layers made of others, as numbers beside
    embeddings do; what preprocessing or frozen layers made of them is measured on 256. Targets far
    from zero count only where the initial predictions are not there already.

    Rows of sample weight 0 do not count.

    Args:
        training: as it begins.
        multiplied: names of inputs that the model multiplies by what trained layers make of others,
            as the edges of a graph: they count as they are.
        targets: names of arrays that are targets by what a step of the user's does with them.
        roles: False where nothing is known of the parts of the data but these targets.
        most_rows: about so many of the rows in memory, evenly spaced; None for all.

    Returns:
        None for a training without data, or with ragged or sparse data, which have no columns.
    """
    data = training.data
    if data is None or has_composites(training.first_batch()):
        return None
    arrays = _arrays(data, most_rows)
    arrays = counted_rows(arrays) if roles else arrays
    # A single number is no column.
    named = {name: value for name, value in batch_leaves(arrays) if value.ndim}
    told = {name: value for name, value in named.items() if name in targets}
    inputs = {n: value for n, value in named.items() if n[0] not in "ys" and n not in told}
    known = {name: value for name, value in named.items() if name[0] == "y" or name in told}
    if not roles:
        inputs, known = {}, told
    looked = _look(training, arrays, inputs) if training.model is not None and roles else None
    if looked is None:
        codes = {name for name, value in named.items() if value.dtype.kind in "iu"}
        predictions = None
    else:
        factors = {name: value for name, value in inputs.items() if name in multiplied}
        inputs, codes, predictions = looked
        inputs = {**inputs, **factors}
        codes.update(_coded_targets(training.model, known))
    columns = getattr(training, "columns", None)
    scales = profile_arrays({**inputs, **known}, columns, codes=codes, targets=targets)
    evidence = scale_evidence(scales)
    if predictions is not None and _met(predictions, known):
        left = tuple(flag for flag in evidence.targets if flag.part != "mean")
        evidence = dataclasses.replace(evidence, targets=left)
    return TrainingScales(scales=scales, evidence=evidence, codes=frozenset(codes))


def _arrays(data: TrainingData, most_rows: int | None) -> Any:
    """The rows in memory, or those of the first batch."""
    rows = data.rows_in_memory
    if rows is not None:
        stride = 1 if most_rows is None else max(1, common_rows(rows.arrays) // most_rows)
        return keras.tree.map_structure(
            lambda leaf: None if leaf is None else leaf[::stride], rows.arrays
        )
    batch = data.probe(1, 1)[0].batch
    return keras.tree.map_structure(lambda leaf: None if leaf is None else np.asarray(leaf), batch)


def counted_rows(arrays: Any) -> Any:
    """The arrays without the rows whose sample weight is zero."""
    weights = dict(batch_leaves(arrays)).get("sample_weight")
    if weights is None or weights.size != len(weights) or weights.all() or not weights.any():
        return arrays
    rows = weights.ravel() != 0
    return keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[rows], arrays)


def _look(
    training: Training, arrays: Any, inputs: dict[str, Array]
) -> tuple[dict[str, Array], set[str], Any] | None:
    """(arrays seen by the first trained layers, names of token arrays, predictions)."""
    data = training.data
    most = data.batch_size if data is not None and training.fixed_rows else MOST_ROWS
    few = {name: value[:most] for name, value in inputs.items()}
    head = keras.tree.map_structure(
        lambda leaf: None if leaf is None else tf.convert_to_tensor(leaf[:most]), arrays
    )
    x = keras.utils.unpack_x_y_sample_weight(head)[0]
    with undisturbed(training):
        looked = _fed(training, x)
    if looked is None:
        return None
    fed, predictions = looked
    seen: dict[str, Array] = {}
    codes: set[str] = set()
    for name, layer, value, mixed in fed:
        if mixed:
            sources = [source for source, array in few.items() if _lies_in(array, value)]
            seen.update({source: inputs[source] for source in sources})
            continue
        sources = _sources(value, few)
        found = {source: inputs[source] for source in sources} or {f"{FED}{name}": value}
        seen.update(found)
        if isinstance(layer, keras.layers.Embedding):
            codes.update(found)
    return seen, codes, predictions


def _fed(training: Training, x: Any) -> tuple[list[tuple[str, Any, Array, bool]], Any] | None:
    """(name, layer, input, whether it depends on trained weights) of trained layers; predictions.

    A model for its own step alone need not be callable: then None. What a line of ours raises on
    the way says nothing about the model.
    """
    model: Any = training.model
    layers = [(name, layer) for name, layer in named_layers(model) if own_weights(layer)]
    calls: list[tuple[str, Any, Any]] = []
    with contextlib.ExitStack() as stack, tf.GradientTape(persistent=True) as tape:
        for name, layer in layers:
            watch = _noting(calls, name, layer)
            stack.enter_context(watched_calls(layer, watch))
        try:
            predictions = call_model(model, x, training=False)
        except Exception as error:
            if is_ours(error) or not training.own_train_step:
                raise
            return None
        marks = [
            tf.add_n([tf.reduce_sum(tf.cast(leaf, tf.float32)) for leaf in leaves])
            for _, _, leaves in calls
        ]
    weights = model.trainable_variables
    sources = [weight.value if hasattr(weight, "value") else weight for weight in weights]
    fed: list[tuple[str, Any, Array, bool]] = []
    for (name, layer, leaves), mark in zip(calls, marks, strict=True):
        mixed = any(slope is not None for slope in tape.gradient(mark, sources))
        fed.extend((name, layer, leaf.numpy(), mixed) for leaf in leaves)
    return fed, predictions


def _noting(calls: list[tuple[str, Any, Any]], name: str, layer: Any) -> Any:
    def note(arguments: Any, output: Any) -> None:
        leaves = [leaf for leaf in keras.tree.flatten(arguments) if isinstance(leaf, tf.Tensor)]
        leaves = [leaf for leaf in leaves if leaf.dtype.is_floating or leaf.dtype.is_integer]
        if leaves:
            calls.append((name, layer, leaves))

    return note


def _sources(value: Array, inputs: Mapping[str, Array]) -> list[str]:
    """The inputs that an array consists of: one of them reshaped, or several side by side."""
    for name, array in inputs.items():
        if array.size == value.size and _equal(array.ravel(), value.ravel()):
            return [name]
    if value.ndim != 2:
        return []
    found = [name for name, array in inputs.items() if _lies_in(array, value)]
    width = sum(inputs[name].size // len(value) for name in found)
    return found if width == value.shape[1] else []


def _lies_in(array: Array, value: Array) -> bool:
    """True where an array stands beside others on the last axis of a value."""
    kinds = {array.dtype.kind, value.dtype.kind}
    if not kinds <= {*"biuf"} or len(array) != len(value) or not array.size:
        return False
    part = array.reshape(len(array), -1) if value.ndim == 2 else array
    if value.ndim < 2 or part.shape[:-1] != value.shape[:-1]:
        return False
    width = part.shape[-1]
    if width > value.shape[-1]:
        return False
    # Of the thousands of places that behind a convolution there are, the first row leaves few.
    first = part[:1].reshape(-1, width)[0].astype(value.dtype)
    there = sliding_window_view(value[:1].reshape(-1, value.shape[-1])[0], width)
    same = (there == first) | ((there != there) & (first != first))  # noqa: PLR0124 - NaN
    places = np.flatnonzero(same.all(axis=-1))
    return any(_equal(part, value[..., at : at + width]) for at in places)


def _equal(first: Array, second: Array) -> bool:
    if first.dtype.kind not in "biuf" or second.dtype.kind not in "biuf":
        return False
    return bool(np.array_equal(first.astype(second.dtype), second, equal_nan=True))


def _coded_targets(model: Any, targets: Mapping[str, Array]) -> Iterator[str]:
    """The targets that are classes, counts or directions, as the loss tells that reads each."""
    losses = {known.target: known.name for known in losses_of_outputs(model, list(targets))}
    for name, array in targets.items():
        known = losses.get(name, "")
        free = known in FREE_TARGETS if known else array.dtype.kind not in "iu"
        if not free:
            yield name


def _met(predictions: Any, targets: Mapping[str, Array]) -> bool:
    """True where the predictions are about as far from zero as one array of targets."""
    if len(targets) != 1 or not isinstance(predictions, tf.Tensor):
        return False
    (values,) = targets.values()
    if values.dtype.kind not in "biuf":
        return False
    answers = predictions.numpy()
    if not np.isfinite(answers).all():
        return False
    mean = np.mean(values[: len(predictions)], dtype=np.float64)
    return bool(abs(mean - np.mean(answers, dtype=np.float64)) <= HIGHEST_TARGET)
