"""The loss curve: first and last loss, trend, thinning."""

from __future__ import annotations

import json
import math
import statistics

import pytest

from pytest_converge.core.curve import LossCurve

NAN = math.nan


def batches(*losses, **fields):
    """A curve without a probe set."""
    return LossCurve(steps=tuple(range(1, len(losses) + 1)), batch_loss=losses, **fields)


def probed(**fields):
    """A curve with a probe set, whose batch losses say something else."""
    values = {
        "checkpoints": (0, 1, 2),
        "probe_loss": (4.0, 3.0, 2.0),
        "initial_loss": 4.5,
        "final_loss": 2.5,
    }
    return batches(10.0, 9.0, **{**values, **fields})


@pytest.fixture
def long():
    """1000 steps, without a probe set."""
    losses = [1000.0 - i + 100 * (-1) ** i for i in range(1000)]
    norms, rates = (tuple(share * loss for loss in losses) for share in (2, 3))
    return batches(*losses, gradient_norm=norms, learning_rate=rates)


def test_the_probe_set_comes_first():
    assert (probed().first, probed().last) == (4.5, 2.5)


@pytest.mark.parametrize(
    ("losses", "first", "last"),
    [
        ([3.0], 3.0, 3.0),
        ([5.0, 4.0, 3.0], 5.0, 3.0),
        ([9.0] + [5.0] * 13 + [1.0], (9.0 + 5.0) / 2, (5.0 + 1.0) / 2),
        ([9.0, 7.0, 100.0] + [5.0] * 24 + [0.0, 200.0, 1.0], 9.0, 1.0),
        ([9.0, 7.0] + [5.0] * 16 + [2.0, 1.0], 8.0, 1.5),
        ([10.0, 8.0, 100.0, 9.0] + [5.0] * 32 + [2.0, 50.0, 1.0, 3.0], 9.5, 2.5),
    ],
)
def test_without_one_a_tenth_of_the_batch_losses_is_taken(losses, first, last):
    curve = batches(*losses)
    assert (curve.first, curve.last) == (first, last)


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_has_no_median(bad):
    curve = batches(*[3.0] * 19, bad)
    assert curve.first == 3.0
    assert math.isnan(curve.last)


def test_a_nan_at_the_end_of_the_probes_is_kept():
    assert math.isnan(probed(final_loss=NAN).last)


def test_a_curve_without_steps():
    curve = batches()
    assert curve.updates == 0
    assert math.isnan(curve.first)
    assert math.isnan(curve.last)
    assert curve.trend == ((), ())


def test_updates_are_the_last_step():
    assert batches(3.0, 2.0).updates == 2


def test_the_trend_of_a_probe_set_is_its_checkpoints():
    assert probed().trend == ((0, 1, 2), (4.0, 3.0, 2.0))
    assert probed().course == ((0, 4.0), (1, 3.0), (2, 2.0))


@pytest.mark.parametrize("count", [1, 2, 31, 32])
def test_the_trend_of_few_batches_is_every_loss(count):
    losses = tuple(float(10 * i) for i in range(count))
    assert batches(*losses).trend == (tuple(range(1, count + 1)), losses)


@pytest.mark.parametrize("count", [33, 50, 64, 100, 1000])
def test_the_trend_of_many_batches_is_the_medians_of_32_stretches(count):
    losses = tuple(float((i * 7919) % count) for i in range(count))
    at, medians = batches(*losses).trend
    assert len(at) == len(medians) == 32
    # The stretches take turns: each has one of two lengths, and their middles rise.
    assert list(at) == sorted(set(at))
    assert 1 <= at[0] <= math.ceil(count / 32)
    assert count - math.ceil(count / 32) < at[-1] <= count
    middle = statistics.median(losses[: round(count / 32)])
    assert medians[0] == middle


def test_every_batch_belongs_to_one_stretch():
    _, medians = batches(*(float(i) for i in range(64))).trend
    assert list(medians) == [2 * i + 0.5 for i in range(32)]


def test_one_wild_batch_does_not_move_a_stretch():
    losses = [1.0] * 96
    losses[48] = 1e9
    assert batches(*losses).trend[1] == (1.0,) * 32


def test_a_nan_shows_in_its_stretch():
    losses = [1.0] * 64
    losses[40] = NAN
    _, medians = batches(*losses).trend
    assert [i for i, m in enumerate(medians) if math.isnan(m)] == [20]


@pytest.mark.parametrize("most", [2, 3, 100, 512, 999])
def test_a_thinned_curve_keeps_its_ends_and_its_pairs(long, most):
    thin = long.thinned(most)
    assert max(2, most - 4) / 2 <= len(thin.steps) <= most
    assert (thin.steps[0], thin.steps[-1]) == (1, 1000)
    assert thin.updates == long.updates
    assert thin.batch_loss == tuple(long.batch_loss[step - 1] for step in thin.steps)
    assert thin.gradient_norm == tuple(2 * loss for loss in thin.batch_loss)
    assert thin.learning_rate == tuple(3 * loss for loss in thin.batch_loss)


@pytest.mark.parametrize("spike", [50.0, -50.0, NAN, math.inf])
def test_a_thinned_curve_keeps_a_spike_of_one_step(spike):
    losses = [1.0 + 0.1 * math.sin(i) for i in range(1000)]
    losses[333] = spike
    thin = batches(*losses).thinned(32)
    assert (thin.gradient_norm, thin.learning_rate) == ((), ())
    assert thin.batch_loss[thin.steps.index(334)] is losses[333]
    gaps = [b - a for a, b in zip(thin.steps, thin.steps[1:], strict=False)]
    assert max(gaps) <= 1000 / 10 + 1


@pytest.mark.parametrize("spike", [50.0, 0.0, NAN, math.inf])
def test_a_thinned_curve_keeps_a_spike_of_the_gradient_alone(spike):
    losses = [1.0 + 0.1 * math.sin(i) for i in range(1000)]
    norms = [2.0 + 0.1 * math.cos(i) for i in range(1000)]
    norms[333] = spike
    thin = batches(*losses, gradient_norm=tuple(norms)).thinned(32)
    assert thin.gradient_norm[thin.steps.index(334)] is norms[333]
    assert len(thin.steps) <= 32


def test_a_thinned_curve_has_the_same_first_and_last_loss(long):
    thin = long.thinned(10)
    assert (thin.first, thin.last) == (long.first, long.last)


@pytest.mark.parametrize("most", [1000, 1001])
def test_a_short_curve_is_not_thinned(long, most):
    assert long.thinned(most) is long


def test_probes_are_never_thinned(long):
    fields = {"checkpoints": (0, 500, 1000), "probe_loss": (3.0, 2.0, 1.0), "final_loss": 1.5}
    curve = LossCurve(steps=long.steps, batch_loss=long.batch_loss, **fields)
    thin = curve.thinned(10)
    assert thin.trend == curve.trend
    assert thin.last == 1.5


@pytest.mark.parametrize(
    "curve",
    [
        batches(3.0, 2.0),
        probed(gradient_norm=(1.0, 0.5), learning_rate=(0.1, 0.05), inference_loss=2.25),
    ],
)
def test_a_curve_survives_json(curve):
    assert LossCurve.from_dict(json.loads(json.dumps(curve.to_dict()))) == curve


def test_losses_that_are_not_finite_survive_json():
    curve = batches(3.0, math.inf, NAN)
    again = LossCurve.from_dict(json.loads(json.dumps(curve.to_dict())))
    assert again.batch_loss[:2] == (3.0, math.inf)
    assert math.isnan(again.batch_loss[2])
