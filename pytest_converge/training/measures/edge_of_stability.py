"""How near a learning rate is to the largest stable one, told from the recorded losses."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.curve import LossCurve
from pytest_converge.training.training import Training

__all__ = ["share_of_limit"]

#: The last so many steps are looked at, so that one odd step decides nothing; fewer tell nothing.
MOST_STEPS, FEWEST_STEPS = 32, 8
#: A step whose slope promises less than this share of the loss gains what float32 rounds away: its
#: resolution of 1e-7 is then half a per cent of the gain.
LEAST_GAIN = 1e-4
#: And less than this share of the largest loss: there the variables themselves are at the end of
#: float32's resolution, whose square is 1e-14.
LEAST_LOSS = 1e-10
#: Settings by which Keras' SGD makes another step than rate times gradient.
OTHER_STEPS = (
    "momentum",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "gradient_accumulation_steps",
    "loss_scale_factor",
)


def share_of_limit(training: Training, curve: LossCurve) -> float | None:
    """The learning rate of the last steps over the largest stable one along them; their median.

    A step -rate g on a loss with the curvature h along g gains rate |g|^2 (1 - rate h / 2): the
    slope promises rate |g|^2, and what is missing of it is the rate over 2 / h, above which the
    step ends higher than it began (Cohen et al. 2021, Gradient descent on neural networks typically
    occurs at the edge of stability, ICLR). It costs nothing and needs gradient descent without
    momentum on the same data in every step; the batches of others are too noisy.

    Returns:
        None for other trainings, and where too few steps can be told from rounding.
    """
    if not curve.gradient_norm or not curve.learning_rate or not _descends(training):
        return None
    shares = list(_shares(curve))[-MOST_STEPS:]
    return statistics.median(shares) if len(shares) >= FEWEST_STEPS else None


def _shares(curve: LossCurve) -> Iterator[float]:
    losses = curve.batch_loss
    floor = LEAST_LOSS * max(map(abs, losses), default=0.0)
    rows = zip(losses, losses[1:], curve.gradient_norm, curve.learning_rate, strict=False)
    for before, after, norm, rate in rows:
        promised = rate * norm**2
        if math.isfinite(promised) and promised > max(LEAST_GAIN * abs(before), floor):
            yield 1.0 - (before - after) / promised


def _descends(training: Training) -> bool:
    """True for plain gradient descent on a loss that is the same function in every step."""
    if len(training.optimizers) != 1:
        return False
    optimizer = training.optimizers[0].optimizer
    plain = isinstance(optimizer, tf.compat.v1.train.GradientDescentOptimizer) or (
        type(optimizer) is keras.optimizers.SGD and not _makes_other_steps(optimizer)
    )
    data = training.data
    alike = training.pure_probe and data is not None and data.repeats_all_rows
    return plain and (training.full_batch or alike)


def _makes_other_steps(optimizer: Any) -> bool:
    config = optimizer.get_config()
    return any(config.get(name) for name in OTHER_STEPS)
