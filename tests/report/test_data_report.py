"""The table of `preprocessing.check`."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_converge.core.data_report import ColumnProfile, DataFinding, DataReport
from pytest_converge.report.data_report import MOST_ROWS, data_report_lines
from pytest_converge.report.layout import cell_width


def column(name, **values):
    given = {"dtype": "float64", "kind": "continuous", "values": 200, **values}
    return ColumnProfile(name=name, **given)


REPORT = DataReport(
    test="t",
    rows=200,
    width=3,
    columns=(
        column("bedrooms", kind="ordinal", mean=2.9, deviation=1.1, low=1.0, high=6.0),
        column("area", mean=1900.0, deviation=560.5, low=600.0, high=5000.0, missing=9),
        column("city größe", kind="text", dtype="object", distinct=3),
        column("y", kind="binary", mean=0.25, deviation=0.4, low=0.0, high=1.0),
    ),
    task="classes",
    classes=(("0", 150), ("1", 50)),
    findings=(
        DataFinding(code="nonfinite-data", message="9 missing in area", columns=("area",)),
        DataFinding(code="unscaled-features", message="area: mean 1900", columns=("area",)),
    ),
    seconds=0.02,
)

AT_100 = """\
preprocessing.check: 2 findings: nonfinite-data in area; unscaled-features in area
nonfinite-data
  9 missing in area
unscaled-features
  area: mean 1900
column      kind        mean  std  min   max  missing  finding
area        continuous  1900  560  600  5000    4.5 %  nonfinite-data +1
bedrooms    ordinal      2.9  1.1    1     6        0
city größe  text                                    0
y           binary      0.25  0.4    0     1        0
data     200 rows of 3 columns
targets  classes, rows of each 0: 150, 1: 50
took     0.02 s"""


def test_the_table_at_100_columns():
    assert "\n".join(data_report_lines(REPORT, 100, True)) == AT_100


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(width, unicode):
    lines = data_report_lines(REPORT, width, unicode)
    assert max(map(cell_width, lines)) <= width
    assert unicode or all(line.isascii() for line in lines)
    assert any("area" in line and "nonfini" in line for line in lines)


def test_a_report_without_findings_has_no_column_for_them():
    lines = data_report_lines(dataclasses.replace(REPORT, findings=()), 100, True)
    assert lines[0] == "preprocessing.check: 200 rows of 3 columns, nothing found"
    assert "finding" not in lines[1]


def test_of_many_columns_those_with_findings_are_shown():
    columns = (*(column(f"c{index}") for index in range(40)), column("area"))
    lines = data_report_lines(dataclasses.replace(REPORT, columns=columns, width=41), 80, True)
    table = lines[lines.index(next(line for line in lines if line.startswith("column"))) :]
    assert table[1].startswith("area")
    assert f"and {41 - MOST_ROWS} more columns" in table


def test_a_mean_that_is_rounding_reads_zero():
    report = dataclasses.replace(REPORT, columns=(column("a", mean=1e-15, deviation=1.0),))
    assert any(
        line.split()[:3] == ["a", "continuous", "0"] for line in data_report_lines(report, 80, True)
    )
