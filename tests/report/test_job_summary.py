"""The page of a session."""

from __future__ import annotations

import pytest

from pytest_converge.core.data_report import DataFinding, DataReport
from pytest_converge.core.failed_test import FailedTest
from pytest_converge.core.finding import Finding
from pytest_converge.report.job_summary import MOST_MESSAGES, MOST_ROWS, job_summary

MISSED = Finding(code="target-missed", message="loss 0.431 > max_loss=0.1")


def failure(test, message="target-missed: loss 0.4310 > max_loss=0.1"):
    return FailedTest(test=test, path="a.py", line=1, code="target-missed", message=message)


def test_what_failed_comes_first_with_its_message(make_result, make_curve):
    curve = make_curve(points=3)
    results = [
        make_result(test="a.py::test_b", curve=curve),
        make_result([MISSED], test="a.py::test_c[x|y]", curve=curve),
    ]
    page = job_summary(results, [], [failure("a.py::test_c[x|y]", "missed\n  by `far`")])
    name = "<code>a.py::test&#95;c&#91;x&#124;y&#93;</code>"
    assert page.replace(name, "NAME").splitlines() == [
        "## Convergence",
        "",
        "2 trainings, 1 did not converge, 2.5 s",
        "",
        "| test | initial | curve | final | steps | time | verdict |",
        "| --- | ---: | --- | ---: | ---: | ---: | --- |",
        "| NAME | 2.303 | █▁▁ | 0.4310 | 200 | 1.2 s | `target-missed` |",
        "",
        "### <code>test&#95;c&#91;x&#124;y&#93;</code>",
        "",
        "```text",
        "missed",
        "  by `far`",
        "```",
        "",
        "<details><summary>1 training converged</summary>",
        "",
        "| test | initial | curve | final | steps | time | verdict |",
        "| --- | ---: | --- | ---: | ---: | ---: | --- |",
        "| `a.py::test_b` | 2.303 | █▁▁ | 0.4310 | 200 | 1.2 s | `passed` |",
        "",
        "</details>",
    ]


def test_studies_have_a_table_of_their_own():
    finding = DataFinding(code="outliers", message="far", columns=("a|b",))
    studies = [
        DataReport(test="a.py::test_a", rows=9, width=2, columns=()),
        DataReport(test="a.py::test_b", rows=9, width=2, columns=(), findings=(finding,)),
    ]
    page = job_summary([], studies, [])
    assert "2 studies, 1 failed" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row.split(" | ")[:3] for row in rows] == [
        ["| `a.py::test_b`", "data", "`failed`"],
        ["| `a.py::test_a`", "data", "`passed`"],
    ]
    assert "outliers in a&#124;b" in rows[0]


def test_a_session_without_convergence_tests_has_no_page():
    assert job_summary([], [], []) == ""


def test_a_failure_without_a_training_has_its_message():
    page = job_summary([], [], [failure("a.py::test_it", "got no data")])
    assert page.splitlines() == [
        "## Convergence",
        "",
        "### `test_it`",
        "",
        "```text",
        "got no data",
        "```",
    ]


@pytest.mark.parametrize("failed", [0, 1])
def test_the_page_of_a_thousand_trainings_is_one_that_github_takes(make_result, failed):
    name = "tests/" + "很长的名字" * 30
    results = [
        make_result([MISSED] * (i % 2), test=f"{name}/test_a.py::test_{i}") for i in range(2000)
    ]
    failures = [failure(each.test, "line\n" * 10_000) for each in results[1::2]] * failed
    page = job_summary(results, [], failures)
    assert len(page.encode()) < 2**20
    assert f"{1000 - MOST_ROWS} more trainings left out." in page
    assert (f"{1000 - MOST_MESSAGES} more failures left out." in page) == bool(failed)
