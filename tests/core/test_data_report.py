"""The report about data."""

from __future__ import annotations

import json

import pytest

from pytest_converge.core.data_report import ColumnProfile, DataFinding, DataReport

COLUMN = ColumnProfile(
    name="area", dtype="float64", kind="continuous", values=4, mean=3, deviation=4
)
FINDING = DataFinding(code="outliers", message="area: ...", columns=("area",), evidence={"far": 2})
REPORT = DataReport(
    test="test_a.py::test_a",
    number=2,
    rows=4,
    width=1,
    columns=(COLUMN,),
    task="classes",
    classes=(("0", 3), ("1", 1)),
    findings=(FINDING,),
    seconds=0.5,
)


def test_a_report_survives_the_way_through_json():
    data = json.loads(json.dumps(REPORT.to_dict()))
    assert DataReport.from_dict(data) == REPORT


def test_a_report_with_findings_failed():
    assert not REPORT.passed
    assert DataReport(test="t", rows=1, width=1, columns=()).passed


def test_columns_are_found_by_the_code_of_their_finding():
    assert REPORT.codes == ("outliers",)
    assert REPORT.columns_of("outliers") == ("area",)
    assert REPORT.columns_of("nonfinite-data") == ()


def test_the_root_mean_square_comes_from_mean_and_deviation():
    assert COLUMN.rms == pytest.approx(5.0)
