"""Families of loss curves with known verdicts, and records made of them."""

from __future__ import annotations

import math
import random

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.record import TrainingRecord

#: Checkpoints of a curve, the one before the first step included.
POINTS = 33
STEPS = 320


def record_of(losses, **fields):
    """A record with these losses on the probe set, at evenly spaced checkpoints."""
    at = [round(i * STEPS / max(len(losses) - 1, 1)) for i in range(len(losses))]
    curve = LossCurve(
        steps=tuple(range(1, STEPS + 1)),
        batch_loss=(1.0,) * STEPS,
        checkpoints=tuple(at),
        probe_loss=tuple(losses),
        initial_loss=losses[0],
        final_loss=losses[-1],
    )
    return TrainingRecord(seed=0, curve=curve, **fields)


def record_of_batches(losses, **fields):
    """A record without a probe set."""
    curve = LossCurve(steps=tuple(range(1, len(losses) + 1)), batch_loss=tuple(losses))
    return TrainingRecord(seed=0, curve=curve, **fields)


def _points():
    return [i / (POINTS - 1) for i in range(POINTS)]


def _decay(rng, noise):
    """From an initial loss to a floor at a rate of its own."""
    start, floor = math.exp(rng.uniform(-3, 5)), rng.uniform(0, 0.6)
    speed = math.exp(rng.uniform(0.7, 3.5))
    return [
        start * (floor + (1 - floor) * math.exp(-speed * t) + noise * rng.gauss(0, 1) * (t > 0))
        for t in _points()
    ]


def noisy_decay(rng):
    """Noise on the probe losses of 1 % of the initial loss."""
    return _decay(rng, 0.01)


def recovered_spike(rng):
    """One or two checkpoints far above, then back."""
    losses = _decay(rng, 0.002)
    at, width = rng.randrange(3, POINTS - 5), rng.choice([1, 1, 2])
    for i in range(at, at + width):
        losses[i] += losses[0] * rng.uniform(0.3, 5)
    return losses


def cyclic_restarts(rng):
    """Warm restarts of the learning rate: after each the loss rises, lower every time."""
    start, cycles = math.exp(rng.uniform(-3, 5)), rng.choice([2, 3, 4])
    height = rng.uniform(0.02, 0.12)
    losses = []
    for t in _points():
        phase = (t * cycles) % 1.0 if t < 1 else 1.0
        bump = height * math.exp(-8 * phase) * (t * cycles >= 1)
        losses.append(start * (0.05 + 0.95 * math.exp(-4 * t) + bump + 0.002 * rng.gauss(0, 1)))
    return losses


def late_breakthrough(rng):
    """A plateau, then a fall."""
    start, when, depth = math.exp(rng.uniform(-3, 5)), rng.uniform(0.2, 0.8), rng.uniform(0.3, 0.99)
    sharp = rng.uniform(20, 80)
    return [
        start
        * (1 - depth / (1 + math.exp(-sharp * (t - when))) + 0.005 * rng.gauss(0, 1) * (t > 0))
        for t in _points()
    ]


def flat(rng):
    """Noise around the initial loss."""
    start, noise = math.exp(rng.uniform(-3, 5)), rng.uniform(0, 0.1)
    return [start * (1 + noise * rng.gauss(0, 1)) for _ in _points()]


def reversed_decay(rng):
    """The loss of gradient ascent."""
    return noisy_decay(rng)[::-1]


def half_u(rng):
    """Down, and at least half of the way up again."""
    start, turn = math.exp(rng.uniform(-3, 5)), rng.uniform(0.2, 0.7)
    depth, back = rng.uniform(0.3, 0.95), rng.uniform(0.5, 1.0)
    return [
        start
        * (
            1
            - depth * (min(t / turn, 1) - back * max(0, (t - turn) / (1 - turn)))
            + 0.005 * rng.gauss(0, 1)
        )
        for t in _points()
    ]


def tiny_decrease(rng):
    """Smoothly down, by less than 4 % of the initial loss."""
    start, gone = math.exp(rng.uniform(-3, 5)), rng.uniform(0.001, 0.04)
    return [start * (1 - gone * (1 - math.exp(-3 * t)) / (1 - math.exp(-3))) for t in _points()]


def diverging(rng):
    """Exponentially up, after a start that may fall."""
    start, speed = math.exp(rng.uniform(-3, 5)), rng.uniform(2, 20)
    dip = rng.uniform(0, 0.3)
    return [
        start * (1 - dip * math.exp(-((t - 0.1) ** 2) / 0.005) + 0.1 * (math.exp(speed * t) - 1))
        for t in _points()
    ]


def oscillating(rng):
    """Up and down without progress, as under a learning rate that is too high."""
    start, swing = math.exp(rng.uniform(-3, 5)), rng.uniform(0.2, 0.9)
    period, phase = rng.uniform(2.5, 12), rng.uniform(0, 2 * math.pi)
    return [
        start * (1 + swing * math.sin(2 * math.pi * i / period + phase) + 0.05 * rng.gauss(0, 1))
        for i in range(POINTS)
    ]


def family(make, count, seed=0):
    """`count` curves of a family, the same in every run."""
    rng = random.Random(f"{make.__name__} {seed}")
    return [make(rng) for _ in range(count)]
