"""Measurements that may fail: nothing is lost in silence."""

import pytest

from pytest_converge.core.calls import StepCall
from pytest_converge.core.errors import nearest
from pytest_converge.core.guard import STRICT, Guard, described, is_ours


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


def test_what_the_user_s_code_raises_is_kept_in_the_project_s_own_tests_too():
    guard = Guard()
    assert guard.tried("a change", broken) is None
    assert guard.tried("another", lambda: 2) == 2
    assert guard.failed == [("a change", "NameError: name 'x' is not defined")]


def test_a_complaint_about_what_the_user_passed_is_kept():
    guard = Guard()
    assert guard.tried("a call", lambda: StepCall.adapted({})) is None
    assert guard.failed[0][1].startswith("InvalidTrainingError: got no argument 'step'")


def test_an_error_of_a_line_of_our_own_is_seen_in_the_project_s_own_tests(monkeypatch):
    with pytest.raises(TypeError):
        Guard().tried("a change", lambda: nearest("a", 3))
    monkeypatch.delenv(STRICT)
    assert Guard().tried("a change", lambda: nearest("a", 3)) is None


def test_an_error_that_no_line_raised_is_not_ours():
    assert not is_ours(TypeError())


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
        (
            AttributeError(
                'in user code:\n\n    File "t.py", line 3, in step  *\n        x.y\n\n'
                "    AttributeError: 'int' object has no attribute 'y'\n"
            ),
            "AttributeError: 'int' object has no attribute 'y'",
        ),
    ],
)
def test_an_error_is_described_in_one_line(error, text):
    assert described(error) == text


def test_a_long_error_is_cut():
    assert len(described(ValueError("x" * 999))) == 200
