"""What is measured of a Keras model after its last step, in inference mode and with no change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import Chunk
from pytest_converge.training.keras_internals import compiled_loss, mark_mask, mask_of
from pytest_converge.training.model.losses import constant_prediction, loss_names
from pytest_converge.training.model.structure import call_model, compute_loss
from pytest_converge.training.state.snapshot import Snapshot, unique_variables
from pytest_converge.training.training import EndMeasures

__all__ = ["measure_held_out", "measure_model"]

#: Predictions this near to 0 or 1 are clipped by Keras' cross-entropies (epsilon 1e-7), so that
#: the loss recomputed from them may be smaller than the one of the logits.
SATURATION = 1e-6


def measure_model(
    model: keras.Model, chunks: list[Chunk], *, own_train_step: bool, forward: Any
) -> EndMeasures:
    """Measures on the rows of the probe set.

    Args:
        model: a built model.
        chunks: the probe set; empty for none.
        own_train_step: True where the model trains by a step of its own, whose loss and metrics
            nothing outside can recompute.
        forward: `batch -> (predictions, masks, loss, penalty)` in inference mode, see `inference`.
    """
    if not chunks:
        return EndMeasures()
    kept = Snapshot(unique_variables(v for metric in model.metrics for v in metric.variables))
    try:
        # Both steps of the user's: what one takes, the other need not understand.
        if own_train_step:
            return _of_own_step(model, chunks)
        if type(model).test_step is not keras.Model.test_step:
            return _by_test_step(model, chunks)
        return _by_forward(model, chunks, forward)
    finally:
        kept.restore()


def measure_held_out(
    model: keras.Model, chunks: list[Chunk], *, forward: Any, entry: str = "loss"
) -> dict[str, float]:
    """Loss and metrics on held-out data in inference mode, as `model.evaluate` gives them.

    Args:
        model: a built model.
        chunks: the held-out data.
        forward: `batch -> (predictions, masks, loss, penalty)` in inference mode, see `inference`.
        entry: what a `test_step` of the user's calls the loss, where it returns no "loss".
    """
    kept = Snapshot(unique_variables(v for metric in model.metrics for v in metric.variables))
    try:
        if type(model).test_step is not keras.Model.test_step:
            measures = _by_test_step(model, chunks, entry)
        else:
            measures = _by_forward(model, chunks, forward)
    finally:
        kept.restore()
    loss = math.nan if measures.inference_loss is None else measures.inference_loss
    return {"loss": loss, **measures.metrics}


def _by_test_step(model: keras.Model, chunks: list[Chunk], entry: str = "loss") -> EndMeasures:
    """A model with its own `test_step` tells its loss and metrics itself."""
    model.reset_metrics()
    logs: dict[str, Any] = {}
    for chunk in chunks:
        logs = dict(model.test_step(chunk.batch) or {})
    loss = logs.pop("loss" if "loss" in logs else entry, None)
    loss = None if loss is None else float(np.asarray(loss))
    return EndMeasures(inference_loss=loss, metrics=_scalars(logs))


def _of_own_step(model: keras.Model, chunks: list[Chunk]) -> EndMeasures:
    """The metrics that the model's own `train_step` keeps, as the last training batch left them."""
    logs = {metric.name: metric.result() for metric in model.metrics}
    logs.pop("loss", None)
    return EndMeasures(metrics=_scalars(logs))


def _by_forward(model: keras.Model, chunks: list[Chunk], forward: Any) -> EndMeasures:
    model.reset_metrics()
    rows = sum(chunk.rows for chunk in chunks)
    loss = reported = predicted = penalty = 0.0
    outputs = []
    for chunk in chunks:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(chunk.batch)
        output, masks, chunk_loss, chunk_penalty = forward(chunk.batch)
        share = chunk.rows / rows
        penalty += share * float(chunk_penalty)
        loss += share * float(chunk_loss)
        output = _as_predicted(output, masks)
        outputs.append(output)
        model.compute_metrics(x, y, output, sample_weight=sample_weight)
        if compiled_loss(model) is not None:
            answer = _predicted(model, x, output)
            predicted += share * _data_loss(model, y, answer, sample_weight)
    reported = loss - penalty
    metrics = _scalars(model.get_metrics_result())
    metrics.pop("loss", None)
    known = compiled_loss(model) is not None and not _overrides_loss(model)
    return EndMeasures(
        inference_loss=loss,
        metrics=metrics,
        reported_loss=reported if known else None,
        predicted_loss=predicted if known else None,
        saturated=any(_saturated(leaf) for leaf in keras.tree.flatten(outputs)),
        constant_loss=_constant_loss(model, chunks, outputs) if known else None,
        regularisation=penalty,
    )


def inference(
    model: keras.Model, batch: Any, training: bool = False
) -> tuple[Any, list[Any], Any, Any]:
    """A forward pass.

    Returns:
        The predictions, the mask of each output or None, the loss, and the part of the loss that
        does not depend on the targets.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    predictions = call_model(model, x, training)
    masks = [mask_of(leaf) for leaf in keras.tree.flatten(predictions)]
    loss = compute_loss(model, x, y, predictions, sample_weight, training)
    penalty = tf.add_n([tf.cast(tf.reduce_sum(part), tf.float32) for part in model.losses] or [0.0])
    return predictions, masks, tf.cast(loss, tf.float32), penalty


def _overrides_loss(model: keras.Model) -> bool:
    return type(model).compute_loss is not keras.Model.compute_loss


def _as_predicted(output: Any, masks: list[Any]) -> Any:
    """The numbers and their masks, without the logits that Keras hangs onto those of a softmax."""
    plain = keras.tree.map_structure(lambda leaf: tf.constant(leaf.numpy()), output)
    return _masked(plain, masks)


def _masked(output: Any, masks: list[Any]) -> Any:
    for leaf, mask in zip(keras.tree.flatten(output), masks, strict=True):
        if mask is not None:
            mark_mask(leaf, mask)
    return output


def _predicted(model: keras.Model, x: Any, output: Any) -> Any:
    """What `predict` returns; the plain output unless the model changed how it predicts."""
    changed = any(
        getattr(type(model), name) is not getattr(keras.Model, name)
        for name in ("predict", "predict_step")
    )
    if not changed:
        return output
    predicted = model.predict_step(keras.utils.pack_x_y_sample_weight(x))
    masks = [mask_of(leaf) for leaf in keras.tree.flatten(predicted)]
    return _masked(keras.tree.map_structure(tf.constant, predicted), masks)


def _data_loss(model: keras.Model, y: Any, predictions: Any, sample_weight: Any) -> float:
    return float(compiled_loss(model)(y, predictions, sample_weight))


def _constant_loss(model: keras.Model, chunks: list[Chunk], outputs: list[Any]) -> float | None:
    """The loss of the best constant prediction on the probe set, for one output only."""
    batches = [keras.utils.unpack_x_y_sample_weight(chunk.batch) for chunk in chunks]
    if len(loss_names(model.loss)) != 1 or not isinstance(outputs[0], tf.Tensor):
        return None
    if not isinstance(batches[0][1], tf.Tensor):
        return None
    targets = np.concatenate([np.asarray(y) for _, y, _ in batches])
    shape = tuple(outputs[0].shape[1:])
    pairs = list(zip(batches, outputs, strict=True))
    weights = [_weights(w, mask_of(output)) for (_, _, w), output in pairs]
    constant = constant_prediction(
        model.loss, targets, shape, None if weights[0] is None else np.concatenate(weights)
    )
    if constant is None:
        return None
    rows, total = len(targets), 0.0
    for (_, y, sample_weight), output in pairs:
        count = int(y.shape[0])
        prediction = tf.constant(np.broadcast_to(constant, (count, *shape)), output.dtype)
        _masked(prediction, [mask_of(output)])
        total += count / rows * _data_loss(model, y, prediction, sample_weight)
    return total if np.isfinite(total) else None


def _weights(sample_weight: Any, mask: Any) -> Any:
    """What a row, or with a mask a step of a row, counts in the loss."""
    if mask is None:
        return sample_weight
    # Keras takes no weight of a row beside a mask of its steps: both are of one shape.
    counted = np.asarray(mask, dtype=np.float64)
    return counted if sample_weight is None else counted * np.asarray(sample_weight)


def _saturated(output: Any) -> bool:
    values = np.asarray(output)
    if values.dtype.kind != "f" or not values.size:
        return False
    low, high = float(values.min()), float(values.max())
    return low >= 0.0 and high <= 1.0 and (low <= SATURATION or high >= 1.0 - SATURATION)


def _scalars(logs: Mapping[str, Any]) -> dict[str, float]:
    """Metrics that are one number; a nested or vector-valued metric has no bound to meet."""
    scalars = {}
    for name, value in logs.items():
        array = np.asarray(value) if not isinstance(value, Mapping) else np.empty(0)
        if array.size == 1:
            scalars[name] = float(array.reshape(()))
    return scalars
