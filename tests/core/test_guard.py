"""Measurements that may fail: nothing is lost in silence."""

import pytest

from pytest_converge.core.guard import STRICT, Guard, described


def broken():
    raise NameError("name 'x' is not defined\nand more")


def test_a_measurement_is_passed_on_and_leaves_no_trace():
    guard = Guard()
    assert guard.measured("curvature", lambda: 3) == 3
    assert guard.failed == []


def test_name_and_error_of_a_failed_measurement_are_kept(monkeypatch):
    monkeypatch.delenv(STRICT, raising=False)
    guard = Guard()
    assert guard.measured("curvature", broken) is None
    assert guard.failed == [("curvature", "NameError: name 'x' is not defined")]


def test_the_project_s_own_tests_see_the_error():
    with pytest.raises(NameError):
        Guard().measured("curvature", broken)


def test_an_interrupt_is_never_kept(monkeypatch):
    monkeypatch.delenv(STRICT, raising=False)

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Guard().measured("curvature", interrupted)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(), "ValueError: "),
        (KeyError("a"), "KeyError: 'a'"),
        (OSError("\n a\nb"), "OSError: a"),
    ],
)
def test_an_error_is_described_in_one_line(error, text):
    assert described(error) == text


def test_a_long_error_is_cut():
    assert len(described(ValueError("x" * 999))) == 200
