"""When a run that was a mere guess need not go on."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_converge.core.curve import LossCurve
from tests.checks.curves import record_of
from tests.diagnosis.test_trials import change, trials_of


def given_up(points, *losses, full_batch=False, runs=(5.0,), **fields):
    """Whether each run of a change is, of a failed run with these losses in forty steps."""
    curve = LossCurve(
        steps=tuple(range(1, 41)),
        batch_loss=(5.0,) * 40,
        checkpoints=(0, 10, 20, 40) if losses else (),
        probe_loss=losses,
    )
    failed = dataclasses.replace(record_of([9.0, 5.0]), curve=curve)
    trials, reruns = trials_of(*runs, failed=failed, full_batch=full_batch)
    reruns.points = points
    trials.try_out(change(**fields))
    return reruns.given_up


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0, 9.0), (5, 8.0)], False),  # so early nothing is known of it
        ([(0, 9.0), (10, 6.1)], True),
        ([(0, 9.0), (10, 5.9)], False),
        ([(0, 9.0), (10, 7.0), (20, 0.9)], False),  # the bound is met
        ([(n, 6.1) for n in range(11)], True),  # a look at every step is one all the same
    ],
)
def test_a_guess_that_is_no_better_by_then_is_given_up(points, expected):
    assert given_up(points, 9.0, 6.0, 0.5, 5.0, guessed=True) == [expected]


@pytest.mark.parametrize("losses", [(), (9.0, 5.0, 5.0, 5.0)])
@pytest.mark.parametrize(("loss", "expected"), [(6.0, True), (4.0, False)])
def test_batch_losses_are_compared_where_these_are_all_there_is(losses, loss, expected):
    points = [(n, loss) for n in range(20)]
    found = given_up(points, *losses, full_batch=bool(losses), guessed=True)
    assert found == [expected]


def test_from_other_starts_nothing_is_given_up():
    points = [(0, 9.0), (10, 6.1)]
    found = given_up(points, 9.0, 6.0, 0.5, 5.0, runs=(0.5, 0.6, 0.7), guessed=True)
    assert found == [True, False, False]


@pytest.mark.parametrize("fields", [{}, {"guessed": True, "loss_factor": None}])
def test_no_other_change_is_given_up(fields):
    assert given_up([(0, 9.0), (10, 6.1)], 9.0, 6.0, 0.5, 5.0, runs=(5.0, 5.0, 5.0), **fields)[
        :1
    ] == [None]
