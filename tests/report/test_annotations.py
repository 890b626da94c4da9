"""The lines by which GitHub Actions marks code."""

from __future__ import annotations

import re
import urllib.parse

import pytest

from pytest_converge.core.failed_test import FailedTest
from pytest_converge.report.annotations import annotation_lines


def failure(**changes):
    values = {"test": "t/test_a.py::test_it", "path": "t/test_a.py", "line": 7, "message": "m"}
    return FailedTest(**{**values, **changes})


def as_read_by_the_runner(line):
    """The properties and the message of a command; each escape is one of a percent sign."""
    found = re.fullmatch("::error (.*?)::(.*)", line)
    assert found is not None
    pairs = (part.split("=", 1) for part in found[1].split(","))
    read = urllib.parse.unquote
    return {name: read(value) for name, value in pairs}, read(found[2])


def test_a_failure_is_one_line():
    text = annotation_lines([failure(message="loss 1 > 0.1\n  fix: scale")])
    assert text == ("::error file=t/test_a.py,line=7,title=test_it::loss 1 > 0.1%0A  fix: scale\n")


@pytest.mark.parametrize(
    "message", ["100 %\nof a,b:c::d", "a\r\nb", "%0A is no line", "::error ::x", "数字"]
)
def test_what_the_runner_reads_is_what_was_written(message):
    odd = failure(test="a.py::test_it[50%,a::b]", path="a,b:c%.py", message=message)
    [line] = annotation_lines([odd]).splitlines()
    properties, read = as_read_by_the_runner(line)
    assert properties == {"file": "a,b:c%.py", "line": "7", "title": "test_it[50%,a::b]"}
    assert read.split("\n") == message.splitlines()


def test_control_characters_are_shown_and_not_sent():
    text = annotation_lines([failure(message="a\x1b[31mb", test="a.py::test_it[\x1b]")])
    assert "\x1b" not in text
    assert r"a\x1b[31mb" in text


def test_a_test_without_a_file_has_no_place():
    assert annotation_lines([failure(path="")]) == "::error title=test_it::m\n"


def test_nothing_failed_is_nothing_to_say():
    assert annotation_lines([]) == ""
