"""From reports of pytest to failures with a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_converge.plugin.failed_tests import CODE, LINE, failed_tests, line_of


def report(nodeid: str, longrepr: object, **attributes: object) -> pytest.TestReport:
    file = nodeid.partition("::")[0]
    made = pytest.TestReport(nodeid, (file, 4, "test"), {}, "failed", longrepr, "call")  # type: ignore[arg-type]
    vars(made).update(attributes)
    return made


def test_the_place_is_the_line_of_the_call_within_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "test_a.py").touch()
    made = report("test_a.py::test_it", "text\n", **{LINE: 9, CODE: "plateau"})
    [found] = failed_tests([made], rootpath=folder)
    assert (found.path, found.line, found.code) == ("package/test_a.py", 9, "plateau")
    assert found.message == "text"


def test_without_a_call_it_is_the_line_of_the_test(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").touch()
    [found] = failed_tests([report("test_a.py::test_it", "x", **{LINE: None})], rootpath=tmp_path)
    assert (found.path, found.line, found.code) == ("test_a.py", 5, "")


def test_a_test_of_no_file_has_no_path(tmp_path: Path) -> None:
    [found] = failed_tests([report("a.models:build", "x")], rootpath=tmp_path)
    assert found.path == ""


def test_they_come_by_test_and_what_counts_subtests_is_no_failure(tmp_path: Path) -> None:
    class Shown:
        reprcrash = None

        def __str__(self) -> str:
            return "shown"

    reports = [
        report("b.py::test_it", Shown()),
        report("b.py::test_it", Shown()),
        report("b.py::test_it", "contains 2 failed subtests"),
        report("a.py::test_it", "[XPASS(strict)]"),
    ]
    found = failed_tests(reports, rootpath=tmp_path)
    assert [each.message for each in found] == ["[XPASS(strict)]", "shown", "shown"]


def test_the_line_is_that_of_the_outermost_call_in_the_file() -> None:
    def inner() -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why") as caught:
        inner()
    line = caught.traceback[0].lineno + 1
    assert line_of(caught.value, Path(__file__)) == line
    assert line_of(caught.value, Path(__file__).with_name("other.py")) is None
