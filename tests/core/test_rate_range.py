"""The range of learning rates: the bracket, the place in it, and what is said about it."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest

from pytest_converge.core.errors import InvalidTrainingError, shown
from pytest_converge.core.failures import LearningRateError
from pytest_converge.core.rate_range import ROUNDING, RateRange, bracket_text
from tests.rate_ranges import point, rate_range, usual, with_schedule


def test_the_bracket_is_what_passes_around_the_own_rate():
    study = usual()
    assert study.bracket == (0.01, 1.0) == (study.lowest, study.highest)
    assert (study.below, study.above) == (0.001, 1.3)
    assert study.room == pytest.approx((10.0, 10.0))
    assert study.divergence == 3.0
    assert study.best.learning_rate == 0.3
    assert study.islands == ()
    assert study.curve[2] == (0.01, 0.4, True)


@pytest.mark.parametrize("losses", [(0.2, 0.5), (0.5, 0.2)])
def test_where_the_own_rate_fails_the_bracket_holds_the_lowest_loss(losses):
    other = [point(1, 0.4, True), point(1.5, 0.4, True)]
    lowest = [point(rate, loss, True) for rate, loss in zip((3, 3.5), losses, strict=True)]
    study = rate_range([point(0.1, 0.9), *other, point(2, 0.8), *lowest, point(4, 9)])
    assert study.bracket == (3, 3.5)
    assert study.islands == ((1, 1.5),)
    assert study.room is None
    assert study.divergence == 4


def test_a_stretch_apart_from_the_own_one_is_an_island():
    points = [point(0.01, 0.9), point(0.1, 0.3, True), point(1, 0.8), point(2, 0.1, True)]
    study = rate_range(points)
    assert study.bracket == (0.1, 0.1)
    assert study.islands == ((2, 2),)


@pytest.mark.parametrize(
    ("own", "margin"),
    [(0.1, 10), (0.1, 10 / (1 - ROUNDING)), (0.1, 3), (0.03, 3), (0.33, 3), (0.01, 1)],
)
def test_a_rate_with_room_on_both_sides_is_within(own, margin):
    points = [*usual().points, point(own, 0.2, passed=True)]
    points.sort(key=lambda p: p.learning_rate)
    rate_range(points, own=own).assert_within(margin)


@pytest.mark.parametrize(
    ("study", "margin", "first"),
    [
        (usual(own=0.01), 3, "0.01 is 1.0x above the lower edge 0.01, not 3x"),
        (usual(own=0.3), 12, "learning rate 0.3 is 3.3x below the upper edge 1, not 12x"),
        (usual(), 20, "learning rate 0.1 is 10x below the upper edge 1, not 20x"),
        (usual(own=1.3), 3, "learning rate 1.3 fails (target-missed); 0.01 to 1 pass"),
        (usual(own=1e-5), 1, "learning rate 1e-5 fails; 0.01 to 1 pass"),
        (
            rate_range([point(1e-5, 0.9), point(0.1, 0.8), point(1000, math.inf)]),
            3,
            "no learning rate from 1e-5 to 1000 passes",
        ),
    ],
)
def test_a_rate_too_near_an_edge_or_outside_is_not_within(study, margin, first):
    with pytest.raises(LearningRateError) as caught:
        study.assert_within(margin)
    lines = str(caught.value).split("\n")
    assert lines[0] == first
    assert len(f"  learning_rate.range: {first}") <= 80
    assert len(lines) <= 6
    assert all(len(line) <= 80 for line in lines)
    assert caught.value.study == dataclasses.replace(study, margin=float(margin))
    assert study.passed
    assert not caught.value.study.passed


ISLANDS = [point(rate, rate / 10, passed=rate % 2 == 0) for rate in range(1, 8)]


@pytest.mark.parametrize(
    ("study", "lines"),
    [
        (
            usual(own=1.0),
            [
                "passing: 0.01 to 1; 0.001 and 1.3 fail",
                "lowest loss 0.05000 at 0.3, diverges from 3 on",
                "fix: keras.optimizers.SGD(0.3)",
            ],
        ),
        (
            rate_range(ISLANDS, own=3, optimizer="keras.optimizers.SGD({})"),
            [
                "passing: 2 to 2; 1 and 3 fail",
                "also passing, apart from these: 4 to 4",
                "lowest loss 0.1000 at 1",
                "fix: keras.optimizers.SGD(2.0)",
            ],
        ),
        (
            rate_range([point(0.1, 0.3, True), point(1, 0.1, True), point(2, 0.9)], own=1),
            [
                "passing: at most 0.1 to 1; 2 fails",
                "lowest loss 0.1000 at 1",
                "fix: learning rate 0.1",
            ],
        ),
        (rate_range([point(0.1, 0.8, complete=False), point(1, 0.9, complete=False)]), []),
    ],
)
def test_the_message_says_what_to_do(study, lines):
    with pytest.raises(LearningRateError) as caught:
        study.assert_within()
    assert str(caught.value).split("\n")[1:] == [*lines, "reproduce: pytest test_a.py::test_it"]


def test_an_edge_beyond_the_sweep_is_far_enough_and_said_so():
    study = rate_range([point(0.01, 0.9), point(0.1, 0.3, True), point(1, 0.1, True)])
    assert bracket_text(study) == "0.1 to at least 1; 0.01 fails"
    assert study.room == pytest.approx((1.0, math.inf))
    with pytest.raises(LearningRateError):
        study.assert_within(2)
    free = rate_range([point(0.1, 0.3, True), point(1, 0.1, True)])
    assert bracket_text(free) == "at most 0.1 to at least 1, the whole sweep"
    free.assert_within(1000)
    assert bracket_text(rate_range([point(0.1, 0.9)])) == "none"


def test_the_proposed_rate_keeps_the_margin_where_the_bracket_is_wide_enough():
    assert usual().proposed == 0.3
    assert usual(margin=5.0).proposed == 0.1
    narrow = rate_range([point(1, 0.9), point(2, 0.1, True), point(4, 0.1, True), point(5, 0.9)])
    assert narrow.proposed == pytest.approx(2.8)
    assert rate_range([point(1, 0.9)]).proposed is None


def test_a_rate_that_was_broken_off_is_not_the_best():
    study = rate_range([point(0.1, 0.5, True), point(1, 0.01, complete=False)])
    assert study.best.learning_rate == 0.1


@pytest.mark.parametrize("margin", [0.5, 0, -3, math.nan, math.inf, 10**400, "3", True, None])
def test_a_margin_is_a_number_of_at_least_1(margin):
    with pytest.raises(InvalidTrainingError) as caught:
        usual().assert_within(margin)
    assert str(caught.value) == (
        f"got margin={shown(margin)}; expected a number of at least 1."
        " Write, for example, assert_within(margin=3)."
    )


@pytest.mark.parametrize("study", [usual(), with_schedule(), usual(margin=3.0)])
def test_a_range_survives_the_way_to_another_process(study):
    # As they are written: `==` of two dataclasses with a NaN holds before Python 3.13, not from it.
    assert repr(RateRange.from_dict(study.to_dict())) == repr(study)


def test_the_error_keeps_its_study_when_it_is_copied():
    with pytest.raises(LearningRateError) as caught:
        usual(own=1.0).assert_within()
    again = copy.copy(caught.value)
    assert (str(again), again.study) == (str(caught.value), caught.value.study)
