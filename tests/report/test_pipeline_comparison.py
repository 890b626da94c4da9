"""The table of a comparison of pipelines."""

from __future__ import annotations

import pytest

from pytest_converge.report.layout import cell_width
from pytest_converge.report.pipeline_comparison import comparison_lines
from tests.comparisons import compared

FAILED = compared([4.0, 5.0, 6.0], culprits=("x[:, 1]",), mended=1.02)
TABLE = """\
preprocessing.compare: ours converges 4.0x worse than z-scored raw
pipeline      loss   final  worse by  steps to 0.1
z-scored raw  █▄▁   0.1000                      95
raw           █▄▁    1.000      7.0x         never
> ours        █▄▁   0.9000      4.0x         never
because of  x[:, 1]; with the reference's in their place 1.0x
alone       in the reference: x[:, 1] 5.0x, x[:, 0] 1.1x
expected    100 steps; fails beyond 2.0x from each of 3 starts
time        1.5 s"""


def test_the_table():
    lines = comparison_lines(FAILED, 80, True)
    # How a course is drawn is the business of another test.
    assert [line.split() for line in lines[5:]] == [line.split() for line in TABLE.split("\n")[5:]]
    assert lines[0] == TABLE.split("\n", maxsplit=1)[0]
    assert [line.split()[-3:] for line in lines[3:5]] == [
        ["1.000", "7.0x", "never"],
        ["0.9000", "4.0x", "never"],
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize(
    "study",
    [
        FAILED,
        compared([1.0] * 3),
        compared([4.0] * 3, judged="Größe " * 20, obstacle="other columns"),
        compared([4.0] * 3, culprits=tuple(f"x[:, {i}]" for i in range(40)), mended=1.0),
    ],
)
def test_no_line_is_too_wide(study, width, unicode):
    lines = comparison_lines(study, width, unicode)
    assert max(map(cell_width, lines)) <= width
    assert unicode or all(line.isascii() for line in lines)


def test_what_gives_way_on_a_narrow_terminal():
    assert comparison_lines(FAILED, 40, False)[1].split() == ["pipeline", "final", "worse", "by"]


def test_nothing_is_said_of_columns_where_all_is_well():
    lines = comparison_lines(compared([1.0] * 3), 80, True)
    assert not [line for line in lines if line.startswith(("because", "alone", "columns"))]
