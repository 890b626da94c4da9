"""Codes of findings: which there are, and which a user may ask not to hear."""

from __future__ import annotations

import pytest

from pytest_converge.core.errors import InvalidTrainingError, shown
from pytest_converge.core.finding import GATE_CODES, NOTE_CODES, check_codes

KNOWN = (*GATE_CODES, *NOTE_CODES)


def test_no_code_is_a_gate_and_a_note():
    assert len(set(KNOWN)) == len(KNOWN)
    assert all(code == code.lower() and " " not in code and "_" not in code for code in KNOWN)


@pytest.mark.parametrize("ignore", [(), list(KNOWN), {"dead-units"}, frozenset(NOTE_CODES)])
def test_known_codes_are_taken_from_any_collection(ignore):
    assert check_codes(ignore, KNOWN) == tuple(ignore)


@pytest.mark.parametrize("ignore", [None, 3, "dead-units", (3,), {"dead-units": True}])
def test_what_is_no_collection_of_codes_is_refused(ignore):
    with pytest.raises(InvalidTrainingError) as caught:
        check_codes(ignore, KNOWN)
    assert str(caught.value) == (
        f"got ignore={shown(ignore)}; expected a tuple of finding codes."
        ' Write, for example, ignore=("nonfinite-data",).'
    )


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("unheard", f"Known names: {', '.join(sorted(KNOWN))}."),
        ("dead-neurons", "Did you mean 'dead-units'?"),
    ],
)
def test_an_unknown_code_is_refused_unless_others_can_be_reported(code, remedy):
    with pytest.raises(InvalidTrainingError) as caught:
        check_codes([code], KNOWN)
    assert str(caught.value) == (
        f"got the code {code!r} in ignore; expected a code that can be reported here. {remedy}"
    )
    assert check_codes([code], KNOWN, others=True) == (code,)


@pytest.mark.parametrize("others", [True, False])
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("inference-gpa", "inference-gap"),
        ("inferencegap", "inference-gap"),
        ("dead_units", "dead-units"),
        ("dead-unit", "dead-units"),
        ("edge-of-stabilty", "edge-of-stability"),
    ],
)
def test_a_typing_error_is_refused_with_what_was_meant(written, meant, others):
    with pytest.raises(InvalidTrainingError, match=f"Did you mean '{meant}'\\?$"):
        check_codes([written], KNOWN, others=others)
