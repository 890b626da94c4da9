"""Evidence: what the start and the failed run tell, in numbers."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.guard import STRICT, Guard
from pytest_converge.core.record import NonFinite
from pytest_converge.diagnosis import evidence as measurements
from pytest_converge.diagnosis.evidence import (
    Evidence,
    _beyond_noise,
    _spikes,
    climbed,
    early_gauge,
    ends_higher,
    looks_stationary,
    numbers,
)
from tests.checks.curves import record_of, record_of_batches
from tests.diagnosis.programs import failed_of, raw_features, readings_of
from tests.zoo.problems import HEALTHY, fit, linear, sequential

RECORD = record_of([2.0, 1.5])


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([1.0, 1.0], True), ([1.0, 0.95], True), ([1.0, 0.8], False), ([-1.0, -1.05], True)],
)
def test_a_run_that_gained_a_tenth_did_not_stand_still(losses, expected):
    assert looks_stationary(record_of(losses)) is expected


def test_a_run_that_left_the_numbers_did_not_stand_still():
    assert not looks_stationary(record_of([1.0, math.nan]))
    bad = (NonFinite(what="loss", name="loss"),)
    assert not looks_stationary(record_of([1.0, 1.0], nonfinite=bad))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0, *[1e18] * 39], True),  # beyond all noise before the first tenth is over
        ([1.0, *[1e5] * 39], False),  # a first batch that begins low by chance
        ([1.0] * 40, False),
        ([1.0] * 20 + [4.0] * 20, True),
        ([-1.0, *[-1e-9] * 39], False),
    ],
)
def test_a_run_that_explodes_at_once_has_risen(losses, expected):
    assert _spikes(record_of_batches(losses)) is expected


def test_layers_are_dead_from_seven_tenths_on():
    evidence = Evidence(rate=0.01, layers=readings_of(("first", 0.9), ("second", 0.2)))
    assert evidence.dead == ["first"]
    assert numbers(evidence, RECORD)["dead_layers"] == "first"


def test_numbers_leave_out_what_was_not_measured():
    assert numbers(Evidence(rate=math.nan), RECORD) == {"initial_loss": 2.0, "final_loss": 1.5}


MEASUREMENTS = {
    "scales of features and targets": "training_scales",
    "gradients and units of layers": "layer_readings",
    "step gauge": "step_gauge",
    "curvature": "curvature",
}


@pytest.mark.parametrize(("name", "function"), MEASUREMENTS.items(), ids=MEASUREMENTS.values())
def test_a_measurement_that_fails_is_named_with_its_error(monkeypatch, name, function):
    def fails(*_, **__):
        raise KeyError("renamed")

    failed = failed_of(raw_features(), steps=5, max_loss=1e-9)
    monkeypatch.delenv(STRICT)
    monkeypatch.setattr(measurements, function, fails)
    guard = Guard()
    measurements.gather(failed.reruns, failed.record, guard)
    assert math.isnan(early_gauge(failed.reruns, guard)) or function != "step_gauge"
    measurements.curvature_here(failed.reruns, guard)
    assert guard.failed == [(name, "KeyError: 'renamed'")]


def test_targets_that_the_loss_does_not_read_have_no_scale_and_fewer_updates_are_told():
    x, y = linear(0, rows=64)

    def of_itself(_, p):
        return (p - 1.0) ** 2

    def failed(loss):
        model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss=loss, shape=(4,))
        return failed_of(fit(model, x, 1e4 * y), steps=5)

    assert failed("mse").evidence.scale.targets
    blind = failed(of_itself).evidence
    assert not blind.scale.targets
    assert blind.computation.unread == ("y",)
    assert blind.updates == 5
    as_many, fewer = (
        dataclasses.replace(blind, updates=count) for count in (RECORD.curve.updates, 2)
    )
    assert "updates" not in numbers(as_many, RECORD)
    assert numbers(fewer, RECORD)["updates"] == 2


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([10.0, 9.0, 94.0, 94.0, 93.0, 9.0, 9.0, 94.0, 9.5], True),
        ([10.0, 10.01, 10.02, 10.02, 10.01, 10.0, 10.01, 10.02, 9.99], False),  # it stood still
        ([10.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.2], False),
    ],
)
def test_a_run_climbed_where_it_failed_by_a_rise_that_is_no_noise(losses, expected):
    record = record_of(losses)
    assert climbed(record, Expectation(steps=len(losses))) is expected
    assert Evidence(rate=0.1, climbed=True).never_too_slow


def test_of_the_parts_of_a_triplet_nothing_is_taken_for_granted():
    failed = failed_of(next(p for p in HEALTHY if p.name == "siamese").start(0), steps=5)
    assert failed.reruns.rows is None
    assert failed.reruns.rows_of_any_kind is not None
    assert failed.evidence.scales == ()
    other = failed_of(
        next(p for p in HEALTHY if p.name == "fixed_rows_in_a_step").start(0), steps=5
    )
    assert {profile.name for profile in other.evidence.scales} == {"x", "y"}


def noisy(level, count=100):
    """Batch losses around a level that hardly falls, as those of steps that are far too short."""
    draws = np.random.default_rng(0).normal(size=count)
    return [level - 1e-4 * i + float(draw) for i, draw in enumerate(draws)]


def batches_alone(losses):
    steps = tuple(range(1, len(losses) + 1))
    curve = LossCurve(steps=steps, batch_loss=tuple(losses))
    return dataclasses.replace(RECORD, curve=curve)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        (noisy(5.0)[::-1], False),
        (noisy(5.0), False),
        ([loss + 0.1 * i for i, loss in enumerate(noisy(5.0))], True),
        ([1.1**i for i in range(100)], True),
        ([1.0, 1.1, 1.2, 1.3], True),
        ([1.0, 2.0, 1.0, 2.0], False),
    ],
)
def test_batch_losses_rose_where_they_rose_beyond_their_noise(losses, expected):
    curve = batches_alone(losses).curve
    assert (ends_higher(curve.first, curve.last) and _beyond_noise(curve)) is expected


def test_the_noise_of_batches_is_no_climb():
    expected = Expectation(steps=100)
    assert not climbed(batches_alone(noisy(5.0)), expected)
    risen = [5.0] * 20 + [90.0] * 60 + [4.0] * 20
    assert climbed(batches_alone(risen), expected)


def test_steps_that_are_far_too_short_are_too_slow_whatever_rose():
    assert not Evidence(rate=1e-5, rose=True, climbed=True, gauge=0.99).never_too_slow
    assert Evidence(rate=1e-5, rose=True, gauge=0.99, spiked=True).never_too_slow
    assert Evidence(rate=1e-5, rose=True, gauge=0.5).never_too_slow


def test_what_moves_beside_the_optimizer_is_no_step_that_is_too_short():
    short = Evidence(rate=0.1, rose=True, gauge=0.99)
    assert not short.never_too_slow
    assert dataclasses.replace(short, moves_beside=True).never_too_slow
