"""The few numbers that every report gives."""

from __future__ import annotations

import math

import pytest

from pytest_converge.core.curve import LossCurve
from pytest_converge.report.curve_summary import summarised


def test_the_lowest_loss_counts_the_whole_probe_set_at_the_ends(make_curve):
    curve = make_curve(
        checkpoints=(0, 50, 200), probe_loss=(2.0, 0.5, 0.4), initial_loss=2.1, final_loss=0.6
    )
    seen = summarised(curve)
    assert (seen.first, seen.last, seen.best, seen.best_step) == (2.1, 0.6, 0.5, 50)
    assert seen.partial


def test_one_probe_set_throughout_is_not_partial(make_curve):
    assert not summarised(make_curve()).partial


def test_an_end_that_no_checkpoint_saw_is_added(make_curve):
    curve = make_curve(
        steps=2,
        batch_loss=(1.0, math.nan),
        checkpoints=(0, 1),
        probe_loss=(1.0, 0.9),
        gradient_norm=(),
        learning_rate=(),
        initial_loss=1.0,
        final_loss=None,
    )
    seen = summarised(curve)
    assert seen.steps == (0, 1, 2)
    assert math.isnan(seen.losses[2])
    assert (seen.best, seen.best_step) == (0.9, 1)


def test_a_curve_whose_checkpoints_saw_the_end_is_left_alone(make_curve):
    curve = make_curve(checkpoints=(0, 200), probe_loss=(1.0, math.inf), final_loss=math.inf)
    assert summarised(curve).losses == (1.0, math.inf)


def test_without_any_finite_loss_there_is_no_lowest():
    assert summarised(LossCurve(steps=(1,), batch_loss=(math.nan,))).best is None


def test_a_curve_without_steps():
    seen = summarised(LossCurve(steps=(), batch_loss=()))
    assert (seen.losses, seen.best) == ((), None)


@pytest.mark.parametrize("steps", [600, 5000])
def test_thinning_moves_neither_end(steps):
    losses = tuple(1 / (1 + i) + (i % 7) for i in range(steps))
    curve = LossCurve(steps=tuple(range(1, steps + 1)), batch_loss=losses)
    again = LossCurve.from_dict(curve.thinned().to_dict())
    assert (again.first, again.last) == (curve.first, curve.last)
    assert summarised(again) == summarised(curve)
