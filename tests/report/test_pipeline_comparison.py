"""The table of a comparison of pipelines."""

from __future__ import annotations

import math

import pytest

from pytest_converge.report.layout import cell_width
from pytest_converge.report.pipeline_comparison import comparison_lines, failure, verdict
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


@pytest.mark.parametrize(
    ("factors", "sentence"),
    [
        ([1.0, 1.0, 1.0], "ours converges as well as z-scored raw"),
        ([0.5, 0.4, 0.6], "ours converges as well as z-scored raw"),
        ([1.5, 1.6, 1.4], "ours converges 1.4x worse than z-scored raw, within 2.0x"),
        ([4.0, 5.0, 6.0], "ours converges 4.0x worse than z-scored raw"),
        ([math.inf] * 3, "ours does not stay finite, z-scored raw does"),
    ],
)
def test_the_verdict_in_a_sentence(factors, sentence):
    assert verdict(compared(factors)) == sentence


def test_the_message_names_the_columns():
    study = compared([4.0] * 3, culprits=("x['area']", "x['tax']"), mended=1.02)
    assert failure(study).split("\n") == [
        "ours converges 4.0x worse than z-scored raw",
        "final loss: z-scored raw 0.1000, raw 1.000, ours 0.9000",
        "because of x['area'], x['tax']",
        "with the reference's in their place 1.0x",
        "reproduce: pytest test_a.py::test_it",
    ]


def test_the_message_says_why_nothing_was_exchanged():
    study = compared([4.0] * 3, obstacle="ours has other columns than raw")
    assert failure(study).split("\n")[2] == "columns not exchanged: ours has other columns than raw"


def test_long_names_leave_the_first_line_short():
    study = compared([4.0] * 3, judged="a pipeline with a name that goes on for ever and ever")
    first = failure(study).split("\n")[0]
    assert len(f"PreprocessingError: {first}") <= 80
