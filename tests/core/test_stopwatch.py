"""The clock of budgets: what a busy machine does to it."""

import pytest

from pytest_converge.core.stopwatch import Stopwatch


@pytest.mark.parametrize(
    ("elapsed", "own", "spent"),
    [
        (10.0, 10.0, 10.0),
        (10.0, 25.0, 10.0),
        (10.0, 7.0, 7.0),
        (10.0, 1.0, 5.0),
    ],
    ids=["alone", "several threads", "beside other work", "mostly waiting"],
)
def test_a_wait_for_other_work_does_not_count_up_to_half_of_the_time(elapsed, own, spent):
    walls, owns = iter([100.0, 100.0 + elapsed]), iter([3.0, 3.0 + own])
    assert Stopwatch(lambda: next(walls), lambda: next(owns)).spent == spent


def test_the_time_that_went_by_is_known_too():
    walls = iter([100.0, 104.0])
    assert Stopwatch(lambda: next(walls), lambda: 0.0).elapsed == 4.0


def test_it_runs_on_the_clocks_of_the_process():
    watch = Stopwatch()
    before = watch.spent
    sum(range(200_000))
    assert 0 <= before < watch.spent <= watch.elapsed
