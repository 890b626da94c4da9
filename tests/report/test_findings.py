"""The message about features and pipelines."""

from __future__ import annotations

import pytest

from pytest_converge.core.data_report import DataFinding, DataReport
from pytest_converge.core.pipeline_report import PipelineReport
from pytest_converge.report.findings import findings_lines, findings_message, first_line
from pytest_converge.report.layout import cell_width

SCALE = DataFinding(
    code="unscaled-features",
    message="area, tax: area has mean 1900, standard deviation 500",
    columns=("area", "tax"),
)
GAPS = DataFinding(code="nonfinite-data", message="5 missing in year", columns=("year",))


def report(*findings):
    return DataReport(test="test_a.py::test_a", rows=10, width=3, columns=(), findings=findings)


def test_the_first_line_names_codes_and_columns():
    line = "2 findings: unscaled-features in area, tax; nonfinite-data in year"
    assert first_line(report(SCALE, GAPS), 80) == line
    pipeline = PipelineReport(test="t", pipeline="StandardScaler", rows=(1, 1), findings=(GAPS,))
    assert first_line(pipeline, 80) == "StandardScaler: 1 finding: nonfinite-data in year"


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (66, "2 findings: unscaled-features in area, tax; nonfinite-data in year"),
        (46, "2 findings: unscaled-features; nonfinite-data"),
        (30, "2 findings: unscaled-featur..."),
    ],
)
def test_names_give_way_where_there_is_no_room(width, line):
    assert first_line(report(SCALE, GAPS), width) == line


def test_the_message_ends_with_the_command():
    assert findings_message(report(SCALE, GAPS), reproduce="pytest test_a.py::test_a") == (
        "2 findings: unscaled-features in area, tax; nonfinite-data in year\n"
        "unscaled-features: area, tax: area has mean 1900, standard deviation 500\n"
        "nonfinite-data: 5 missing in year\n"
        "reproduce: pytest test_a.py::test_a"
    )


def test_a_message_has_at_most_ten_lines_of_80_cells():
    long = DataFinding(code="outliers", message="much to say " * 20, columns=("a",))
    lines = findings_message(report(*[long] * 12), reproduce="pytest").split("\n")
    assert len(lines) == 10
    assert max(map(cell_width, lines)) <= 80
    assert lines[-2] == "and 5 more in the report section"


def test_many_columns_are_listed_in_the_section():
    many = DataFinding(code="outliers", message="a and more", columns=tuple("abcde"))
    assert findings_lines([many, GAPS], 80, True) == [
        "outliers",
        "  a and more",
        "  columns: a, b, c, d, e",
        "nonfinite-data",
        "  5 missing in year",
    ]
