"""Scores in names and numbers that people read."""

from __future__ import annotations

import dataclasses
import math
import sys

import pytest

from pytest_converge.core.recorded_scores import (
    end_losses,
    loss_band,
    loss_of,
    losses_by_step,
    median,
    named_scores,
)
from tests.recorded import recorded, stored_run


def test_scores_of_losses_are_losses():
    runs = tuple(stored_run(i, scores=(math.log(2), math.inf)) for i in range(20))
    whole, half = named_scores(recorded(runs=runs))
    assert whole == ("whole curve", pytest.approx([2.0] * 20))
    assert half == ("last half", [math.inf] * 20)


@pytest.mark.parametrize(
    ("settings", "name"), [({"metric": "accuracy"}, "accuracy"), ({}, "metric")]
)
def test_a_metric_is_named_and_left_as_it_is(settings, name):
    runs = tuple(stored_run(i, scores=(-0.9,)) for i in range(20))
    assert named_scores(recorded(runs=runs, settings=settings)) == [(name, [-0.9] * 20)]


@pytest.mark.parametrize("counts", [(1, 2), (3, 3)])
def test_scores_that_not_all_runs_have_or_nobody_knows_are_an_error(counts):
    runs = tuple(stored_run(scores=(0.5,) * count) for count in counts)
    with pytest.raises(ValueError, match=r"^zip\(\) argument 2 is longer than argument 1$"):
        named_scores(recorded(runs=runs))


def test_a_run_without_a_loss_at_each_of_its_steps_is_an_error():
    with pytest.raises(ValueError, match=r"^zip\(\) argument 2 is shorter than argument 1$"):
        losses_by_step([stored_run(losses=(1.0,))])


def test_losses_at_the_ends_that_are_not_finite_are_the_worst():
    losses = (2.0, *[1.0] * 27, math.nan)
    run = dataclasses.replace(stored_run(), losses=losses)
    assert end_losses(recorded(runs=(run,))) == ([2.0], [math.inf])


def test_the_band_of_the_runs_spans_them_at_each_step():
    runs = [
        dataclasses.replace(stored_run(), steps=(1, 2, 4), losses=losses)
        for losses in [(3.0, 2.0, 1.0), (4.0, 2.5, math.nan), (5.0, 1.0, 0.5)]
    ]
    short = dataclasses.replace(stored_run(), steps=(1, 2), losses=(2.0, 9.0))
    assert loss_band([*runs[:2], short]) == (
        (1, 2.0, 3.0, 4.0),
        (2, 2.0, 2.5, 9.0),
        (4, 1.0, math.inf, math.inf),
    )
    assert loss_band(runs)[1] == (2, 1.0, 2.0, 2.5)


@pytest.mark.parametrize(
    ("score", "loss"),
    [
        (0.0, 1.0),
        (math.inf, math.inf),
        (1e308, math.inf),
        (709.782712893384, sys.float_info.max),
        (-1e308, 0.0),
        (-745.0, 5e-324),
    ],
)
def test_the_loss_of_a_score(score, loss):
    assert loss_of(score) == pytest.approx(loss, rel=1e-12, abs=0)


def test_the_median_is_one_of_the_values():
    assert median([1.0, math.inf]) == 1.0
