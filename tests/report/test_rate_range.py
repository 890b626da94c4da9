"""The table of a range of learning rates."""

from __future__ import annotations

import pytest

from pytest_converge.report.layout import cell_width
from pytest_converge.report.rate_range import rate_range_lines
from tests.rate_ranges import point, rate_range, usual, with_schedule

WIDE = """\
learning_rate.range: 0.1 passes; passing from 0.01 to 1
learning rate  final loss                    steps  outcome
         1e-5      0.9900  █████████████         6  broken off
        0.001      0.9000  █████████████       100  target-missed
         0.01      0.4000  ██████████          100  passed
        > 0.1      0.2000  ███████             100  passed
          0.3     0.05000  ██                  100  passed
            1      0.1000  █████               100  passed
          1.3      0.6000  ███████████         100  target-missed
            3       40.00  ████████████████    100  target-missed, diverged
         1000         nan                        4  nonfinite-loss
          0.5     0.04000  █                   100  cosine: passed
passing   0.01 to 1; 0.001 and 1.3 fail
own       0.1 passes, 10x above the lower edge, 10x below the upper
lowest    loss 0.05000 at 0.3
diverges  from 3 on; predicted 2.5, 2 (1 + momentum) / largest Hessian
          eigenvalue at the start
expected  100 steps, loss at most 0.5
time      1.5 s for 10 trainings"""

NARROW = """\
learning_rate.range: 0.1 passes; pass...
learning rate  final loss  outcome
         1e-5      0.9900  broken off
        0.001      0.9000  target-missed
         0.01      0.4000  passed
        > 0.1      0.2000  passed
          0.3     0.05000  passed
            1      0.1000  passed
          1.3      0.6000  target-missed
            3       40.00  target-mis...
         1000         nan  nonfinite-...
          0.5     0.04000  cosine: pa...
passing   0.01 to 1; 0.001 and 1.3 fail
own       0.1 passes, 10x above the
          lower edge, 10x below the
          upper
lowest    loss 0.05000 at 0.3
diverges  from 3 on; predicted 2.5, 2 (1
          + momentum) / largest Hessian
          eigenvalue at the start
expected  100 steps, loss at most 0.5
time      1.5 s for 10 trainings"""


def test_the_table_on_a_usual_terminal():
    assert "\n".join(rate_range_lines(with_schedule(), 80, True)) == WIDE


def test_the_table_on_a_narrow_terminal_in_ascii():
    assert "\n".join(rate_range_lines(with_schedule(), 40, False)) == NARROW


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("study", [usual(), usual(margin=30.0), with_schedule()])
def test_no_line_is_too_wide(study, width, unicode):
    lines = rate_range_lines(study, width, unicode)
    assert max(map(cell_width, lines)) <= width
    assert unicode or all(line.isascii() for line in lines)


def test_a_missed_margin_is_said_first_and_a_rate_proposed():
    lines = rate_range_lines(usual(own=1.0, margin=3.0), 80, True)
    assert lines[0] == "learning_rate.range: learning rate 1 is 1.0x below the upper edge 1, not 3x"
    assert "fix       learning rate 0.3" in lines


def test_nothing_passing_is_plain_to_see():
    lines = rate_range_lines(rate_range([point(0.1, 0.9), point(1, 0.8)]), 80, True)
    assert lines[0] == "learning_rate.range: no rate passes"
    assert "passing   none" in lines
    assert "own       0.1 fails" in lines


def test_islands_and_open_edges_are_said():
    points = [point(0.1, 0.3, True), point(1, 0.9), point(2, 0.4, True)]
    lines = rate_range_lines(rate_range(points), 80, True)
    assert "passing   at most 0.1 to 0.1; 1 fails" in lines
    assert "also      2 to 2, apart from these" in lines
    assert "diverges  nowhere up to 2" in lines


def test_a_schedule_is_named_by_its_peak():
    lines = rate_range_lines(usual(scheduled=True), 80, True)
    assert any(line.startswith("own       0.1, the peak of its schedule, passes") for line in lines)
