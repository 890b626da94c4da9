"""Models that say the same of a series whatever the order of its steps, where the order matters."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.columns.signal import read_signal
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.measures.gradients import measured_rows, undisturbed
from pytest_converge.training.measures.layer_inputs import counted_rows
from pytest_converge.training.model.structure import call_model
from pytest_converge.training.training import Training

__all__ = ["order_is_missed"]

Array = np.ndarray[Any, Any]

#: What the order of a sum of float32 numbers changes, as a share of the deviation of the outputs.
ROUNDING = 1e-3
#: Skill that the steps have in their order beyond what they have without it, that is no chance: the
#: most that noise reached on 400 tables was 0.07.
MORE = 0.15
#: More kinds of tokens than these have too few rows each.
MOST_TOKENS = 64
#: Fewer steps have hardly an order.
FEWEST_STEPS = 3


def order_is_missed(training: Training) -> bool:
    """Whether a model gives the same for steps in any order, and targets depend on their order.

    Series are one input of rows, steps and features, or of rows and steps of tokens, in memory.
    What their order tells is the skill of predictors that see each step in its place, beyond that
    of predictors that see means, deviations and extremes over all steps; of tokens, of how many of
    each there are, and where they are in the mean. Changes no variable.
    """
    data = training.rows_in_memory
    if data is None or training.model is None or training.own_train_step:
        return False
    leaves = list(batch_leaves(counted_rows(data.arrays)))
    inputs = [array for name, array in leaves if name[0] == "x"]
    targets = [array for name, array in leaves if name[0] == "y"]
    if len(inputs) != 1 or len(targets) != 1:
        return False
    (x,), (y,) = inputs, targets
    series = x.ndim in (2, 3) and x.dtype.kind in "iuf"
    if not series or x.shape[1] < FEWEST_STEPS or not _ignores_order(training):
        return False
    once = slice(data.epoch_rows if len(x) == data.rows else len(x))
    x, y = x[once].astype(np.float64), y[once]
    told = _of_tokens(x) if x.ndim == 2 else _of_features(x)
    if told is None:
        return False
    placed, in_any_order = told
    in_place, in_any = read_signal([placed], y), read_signal([in_any_order], y)
    return in_place is not None and in_any is not None and in_place.skill > in_any.skill + MORE


def _of_features(x: Array) -> tuple[Array, Array]:
    """What series tell of each step in its place, and of all steps in any order."""
    parts = [x.mean(axis=1), x.std(axis=1), x.min(axis=1), x.max(axis=1)]
    return x.reshape(len(x), -1), np.concatenate(parts, axis=1)


def _of_tokens(x: Array) -> tuple[Array, Array] | None:
    """The same of a few kinds of tokens; None for many, and for what is no token."""
    tokens = np.unique(x)
    if len(tokens) > MOST_TOKENS or (tokens != np.round(tokens)).any():
        return None
    places = np.arange(x.shape[1], dtype=np.float64)
    there = [x == token for token in tokens]
    counts = np.stack([each.sum(axis=1) for each in there], axis=1).astype(np.float64)
    middle = np.stack([each @ places for each in there], axis=1) / np.maximum(counts, 1.0)
    return np.concatenate([counts, middle], axis=1), counts


def _ignores_order(training: Training) -> bool:
    """Whether the outputs for the first batch are those for the same steps in other orders."""
    chunks = measured_rows(training)
    if not chunks or chunks[0].batch is None:
        return False
    (x,) = keras.tree.flatten(keras.utils.unpack_x_y_sample_weight(chunks[0].batch)[0])
    order = np.random.default_rng(0).permutation(x.shape[1])
    with undisturbed(training):
        own, other = (
            np.asarray(call_model(training.model, each, training=False), np.float64)
            for each in (x, tf.gather(x, order, axis=1))
        )
    if own.shape[0] != x.shape[0] or not np.isfinite(own).all():
        return False
    return bool(np.abs(own - other).max() <= ROUNDING * own.std())
