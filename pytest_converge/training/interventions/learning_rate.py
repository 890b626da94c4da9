"""The learning rate multiplied, reversed, or freed of its schedule."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import code_of, with_settings
from pytest_converge.training.training import Training

__all__ = ["constant", "has_schedule", "peak", "reversed_sign", "scaled", "scheduled"]


#: Decades of steps in which a schedule is expected to reach its peak.
LONGEST = 6


def scaled(training: Training, own: float, factor: float) -> Intervention:
    """The learning rate times a factor; lower rates prove one too high, higher ones one too low."""
    rate = own * factor
    code = "learning-rate-too-high" if factor < 1 else "learning-rate-too-low"
    return Intervention(
        code=code,
        change=f"learning rate {_text(rate)}",
        fix=code_of(training, learning_rate=_rounded(rate)),
        rate_factor=factor,
    )


def reversed_sign(training: Training, own: float) -> Intervention:
    """The sign of a negative learning rate changed."""
    return Intervention(
        code="learning-rate-too-low",
        change=f"learning rate {_text(-own)} instead of {_text(own)}",
        fix=code_of(training, learning_rate=_rounded(-own)),
        rate_factor=-1.0,
    )


def constant(training: Training, rate: float) -> Intervention:
    """The largest rate of the schedule in every step."""
    return Intervention(
        code="learning-rate-too-low",
        change=f"constant learning rate {_text(rate)} instead of the schedule",
        fix=code_of(training, learning_rate=_rounded(rate)),
        variant=with_settings(learning_rate=rate),
    )


def has_schedule(training: Training) -> bool:
    """True where the rate of the first optimizer follows a schedule of Keras."""
    if not training.optimizers:
        return False
    rate = training.optimizers[0].user_rate
    return isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)


def scheduled(training: Training, own: float, steps: int) -> list[Intervention]:
    """The user's rate under the usual schedules: a decay, steps, a warm-up, a cycle.

    Exponential decay and steps as in Keras' own documentation, the warm-up before a cosine decay
    of Loshchilov and Hutter (2017, arXiv:1608.03983), whose restarts make the cycle.
    """
    schedules = keras.optimizers.schedules
    tenth, half = max(steps // 10, 1), max(steps // 2, 1)
    kinds = {
        "exponential decay": schedules.ExponentialDecay(own, tenth, 0.7),
        "steps down": schedules.PiecewiseConstantDecay([half], [own, own / 10]),
        "warm-up": schedules.CosineDecay(0.0, steps, warmup_target=own, warmup_steps=tenth),
        "cosine restarts": schedules.CosineDecayRestarts(own, max(steps // 4, 1)),
    }
    return [_under(name, schedule) for name, schedule in kinds.items()]


def _under(name: str, schedule: Any) -> Intervention:
    settings = ", ".join(f"{key}={value!r}" for key, value in schedule.get_config().items())
    return Intervention(
        code="learning-rate-too-high",
        change=f"learning rate under {name}",
        fix=f"learning_rate=keras.optimizers.schedules.{type(schedule).__name__}({settings})",
        variant=with_settings(learning_rate=schedule),
    )


def peak(training: Training) -> float:
    """The largest rate of the first optimizer's schedule over its first million steps."""
    schedule = training.optimizers[0].user_rate
    steps = np.unique(np.logspace(0, LONGEST, 200).astype(np.int64))
    return max(float(schedule(tf.constant(step))) for step in steps)


def _text(rate: float) -> str:
    """Three significant digits, as people write rates: 1000 rather than 1e+03."""
    return f"{float(f'{rate:.3g}'):g}"


def _rounded(rate: float) -> float:
    """Two significant digits: nobody writes a rate with more."""
    if not rate or not math.isfinite(rate):
        return rate
    return float(f"{rate:.2g}")
