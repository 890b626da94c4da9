"""The range of a model's output, whatever its weights are: a cosine, a sigmoid, a clipped value."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.measures.gradients import measured_rows, undisturbed
from pytest_converge.training.model.structure import call_model
from pytest_converge.training.training import Training

__all__ = ["output_range"]

#: What weights are multiplied by, with two signs: a sigmoid reaches its ends, a linear output
#: leaves any range, a cosine keeps its own.
FACTORS = (1.0, 30.0, -30.0, 1000.0, -1000.0)
#: Ranges of functions in use: sigmoids and softmax, cosines and hyperbolic tangents.
KNOWN = ((0.0, 1.0), (-1.0, 1.0))
#: What rounding adds.
ROUNDING = 1e-4


def output_range(training: Training) -> tuple[float, float] | None:
    """The least and the most that the only output gives under any weights; None for no such range.

    The output is looked at on some rows under the present weights and multiples of them, and of
    random ones. Changes no variable.
    """
    model, chunks = training.model, measured_rows(training)
    if model is None or not chunks or chunks[0].batch is None:
        return None
    x = keras.utils.unpack_x_y_sample_weight(chunks[0].batch)[0]
    rng = np.random.default_rng(0)
    ends: list[tuple[float, float]] = []
    with undisturbed(training):
        present = [variable.numpy() for variable in training.trainable]
        for factor in FACTORS:
            for variable, value in zip(training.trainable, present, strict=True):
                drawn = rng.normal(size=value.shape) if abs(factor) > 1.0 else 0.0
                variable.assign((value + drawn) * factor)
            output = call_model(model, x, training=False)
            if not isinstance(output, tf.Tensor) or not output.dtype.is_floating:
                return None
            values: Any = output.numpy()
            if not np.isfinite(values).all():
                return None
            ends.append((float(values.min()), float(values.max())))
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if high - low < ROUNDING:
        return None
    for least, most in KNOWN:
        if low >= least - ROUNDING and high <= most + ROUNDING:
            return least, most
    return None
