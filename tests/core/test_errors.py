"""The exceptions, and the one wording of all complaints."""

from __future__ import annotations

import pytest

from pytest_converge.core.errors import complaint, nearest, shown


def test_a_complaint_says_what_was_given_what_was_expected_and_what_to_do():
    text = complaint("steps=0 (int)", "an integer of at least 1", "Give the number of updates.")
    assert text == (
        "got steps=0 (int); expected an integer of at least 1. Give the number of updates."
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 (int)"),
        ("adam", "'adam' (str)"),
        (None, "None (NoneType)"),
        ([1.5], "[1.5] (list)"),
    ],
)
def test_a_value_is_shown_with_its_type(value, text):
    assert shown(value) == text


def test_a_value_without_a_text_is_shown_by_its_type():
    class Detached:
        def __repr__(self):
            raise RuntimeError("no longer there")

    assert shown(Detached()) == "an object (Detached)"


@pytest.mark.parametrize(("length", "is_cut"), [(58, False), (59, True)])
def test_a_long_value_is_cut_at_60_characters(length, is_cut):
    text = shown("a" * length)
    assert text.endswith("... (str)") == is_cut
    assert len(text) == len(" (str)") + 60


def test_a_value_of_several_lines_is_shown_on_one():
    class Matrix:
        def __repr__(self):
            return "matrix([[1, 2],\n        [3, 4]])"

    assert shown(Matrix()) == "matrix([[1, 2], [3, 4]]) (Matrix)"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("max_los", "Did you mean 'max_loss'?"),
        ("step", "Did you mean 'steps'?"),
        ("epochs", "Known names: max_loss, monotone, steps."),
    ],
)
def test_the_nearest_name_is_suggested(name, text):
    assert nearest(name, {"steps", "monotone", "max_loss"}) == text
