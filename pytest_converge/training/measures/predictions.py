"""How far the predictions of a model differ from row to row."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.measures.gradients import measured_rows, undisturbed
from pytest_converge.training.model.structure import call_model
from pytest_converge.training.training import Training

__all__ = ["prediction_deviation"]


def prediction_deviation(training: Training) -> float | None:
    """The largest standard deviation of an output over the rows, at the present weights.

    On at most 256 rows, in training mode, as the loss sees them; 0 where the model says the same
    whatever it is given. Changes no variable.

    Returns:
        None without a model, for one with a step of its own, which need not be callable, and for
        one that puts out no numbers.
    """
    model = training.model
    if model is None or training.own_train_step:
        return None
    chunks, outputs = measured_rows(training, traced=False), []
    with undisturbed(training):
        for chunk in chunks:
            x, _, _ = keras.utils.unpack_x_y_sample_weight(chunk.batch)
            predictions = keras.tree.flatten(call_model(model, x, training=True))
            outputs.append([p.numpy() for p in predictions if _is_real(p)])
    if not outputs or not outputs[0]:
        return None
    wholes = [np.concatenate(parts).astype(np.float64) for parts in zip(*outputs, strict=True)]
    return max(float(whole.std(axis=0).max(initial=0.0)) for whole in wholes)


def _is_real(tensor: object) -> bool:
    return isinstance(tensor, tf.Tensor) and tensor.dtype.is_floating and bool(tensor.shape.rank)
