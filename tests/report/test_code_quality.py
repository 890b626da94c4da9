"""The file that GitLab reads."""

from __future__ import annotations

import json

from pytest_converge.core.failed_test import FailedTest
from pytest_converge.report.code_quality import code_quality


def failure(test="a.py::test_it", **changes):
    values = {"path": "a.py", "line": 7, "code": "target-missed", "message": "loss 1 > 0.1\nmore"}
    return FailedTest(test=test, **{**values, **changes})


def entries(*failed):
    return json.loads(code_quality(failed))


def test_an_entry_has_what_gitlab_asks_for():
    [entry] = entries(failure())
    assert {key: value for key, value in entry.items() if key != "fingerprint"} == {
        "description": "loss 1 > 0.1",
        "check_name": "target-missed",
        "severity": "major",
        "location": {"path": "a.py", "lines": {"begin": 7}},
    }


def test_nothing_failed_is_an_empty_list():
    assert code_quality([]) == "[]\n"


def test_another_loss_or_line_is_the_same_failure():
    [first], [second] = entries(failure()), entries(failure(message="loss 2 > 0.1", line=9))
    assert first["fingerprint"] == second["fingerprint"]


def test_every_failure_is_another_one():
    found = entries(failure(), failure(), failure(code="not-decreasing"), failure("a.py::test_b"))
    assert len({entry["fingerprint"] for entry in found}) == 4


def test_a_failure_of_no_gate_has_a_name_too():
    [entry] = entries(failure(code=""))
    assert entry["check_name"] == "convergence"
