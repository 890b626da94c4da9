"""What a model's output is whatever its weights are: its range, or its mean and deviation.

A cosine, a sigmoid or a clipped value has a range; behind a normalisation without a scale of its
own all outputs together have the same mean and deviation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import Array
from pytest_converge.training.measures.gradients import measured_rows, undisturbed
from pytest_converge.training.model.structure import call_model
from pytest_converge.training.training import Training

__all__ = ["FixedMoments", "fixed_moments", "output_range", "under_other_weights"]

#: What weights are multiplied by, with two signs: a sigmoid reaches its ends, a linear output
#: leaves any range, a cosine keeps its own.
FACTORS = (1.0, 30.0, -30.0, 1000.0, -1000.0)
#: The same for mean and deviation: less, so that rounding stays small where a layer divides by next
#: to nothing.
MILD_FACTORS = (1.0, 3.0, -3.0, 10.0, -10.0)
#: Ranges of functions in use: sigmoids and softmax, cosines and hyperbolic tangents.
KNOWN = ((0.0, 1.0), (-1.0, 1.0))
#: What rounding adds.
ROUNDING = 1e-4
#: Outputs whose deviation is this part of the largest mean are all the same but for rounding: a
#: normalisation of one number a row leaves 0.0004 of it (240 starts of a network of 32 units).
ROUNDED = 0.01
#: Mean and deviation are the same within this part of the deviation: the small number that a
#: normalisation adds to a variance takes some of it.
ALIKE = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FixedMoments:
    """Mean and standard deviation of all outputs of a batch, under any weights.

    Attributes:
        mean: NaN where it is not the same under all weights, as with an offset that is trained.
        deviation: 0 where every row gets the same, as of a normalisation of one number a row.
    """

    mean: float
    deviation: float


def output_range(training: Training) -> tuple[float, float] | None:
    """The least and the most that the only output gives under any weights; None for no such range.

    The output is looked at on some rows under the present weights and multiples of them, and of
    random ones. Changes no variable.
    """
    every = list(_outputs(training, FACTORS, inference=True))
    if len(every) < len(FACTORS):
        return None
    low, high = min(values.min() for values in every), max(values.max() for values in every)
    if high - low < ROUNDING:
        return None
    for least, most in KNOWN:
        if low >= least - ROUNDING and high <= most + ROUNDING:
            return least, most
    return None


def fixed_moments(training: Training) -> FixedMoments | None:
    """Mean and deviation of the only output on a batch, where weights do not change them.

    None for an output of another deviation under other weights. Changes no variable.
    """
    every = list(_outputs(training, MILD_FACTORS, inference=False))
    if len(every) < len(MILD_FACTORS):
        return None
    means, deviations = [float(v.mean()) for v in every], [float(v.std()) for v in every]
    deviation = max(deviations)
    if deviation <= ROUNDING + ROUNDED * max(map(abs, means)):
        deviation = 0.0
    elif deviation - min(deviations) > ALIKE * deviation:
        return None
    same = max(means) - min(means) <= ALIKE * deviation + ROUNDING
    return FixedMoments(mean=float(np.median(means)) if same else np.nan, deviation=deviation)


def _outputs(training: Training, factors: tuple[float, ...], *, inference: bool) -> Iterator[Array]:
    """The only output under multiples of the weights, as far as it is one of finite numbers."""
    model, chunks = training.model, measured_rows(training)
    if model is None or not chunks or chunks[0].batch is None:
        return
    x = keras.utils.unpack_x_y_sample_weight(chunks[0].batch)[0]
    for _ in under_other_weights(training, factors):
        output = call_model(model, x, training=not inference)
        if not isinstance(output, tf.Tensor) or not output.dtype.is_floating:
            return
        values = np.asarray(output.numpy(), dtype=np.float64)
        if not np.isfinite(values).all():
            return
        yield values


def under_other_weights(training: Training, factors: tuple[float, ...]) -> Iterator[float]:
    """Multiples of the present weights and random ones, as long as each is looked at."""
    rng = np.random.default_rng(0)
    with undisturbed(training):
        present = [variable.numpy() for variable in training.trainable]
        for factor in factors:
            for variable, value in zip(training.trainable, present, strict=True):
                drawn = rng.normal(size=value.shape) if abs(factor) > 1.0 else 0.0
                variable.assign((value + drawn) * factor)
            yield factor
