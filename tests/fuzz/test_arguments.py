"""Marker, expectation, length and options with anything in them: a value, or one clear error."""

from __future__ import annotations

import decimal
import fractions
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_converge.core.errors import InvalidTrainingError, complaint, nearest, shown
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import GATE_CODES, NOTE_CODES
from pytest_converge.core.length import Length
from pytest_converge.plugin.expectation import resolve
from pytest_converge.plugin.options import OPTIONS, _parsed
from tests.fuzz.records import anything, expectations

#: got what; expected what. What to do.
SENTENCE = re.compile(r"got .+; expected .+\. .+", re.DOTALL)


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    anything,
    st.text(max_size=10),
    st.binary(max_size=5),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.sampled_from(
        [
            *(0, 1, 2, 100, 2**31, 2**32, 10**400, 0.5, "trend", "strict", "off", "accuracy"),
            *(np.int64(3), np.float32(0.5), np.float64("nan"), np.bool_(True), np.array(5)),
            *(np.array([1, 2]), np.complex64(1), decimal.Decimal("NaN"), fractions.Fraction(1, 3)),
            *(object(), int, len, ..., NotImplemented, range(3), Path("a")),
            *GATE_CODES,
            *NOTE_CODES,
        ]
    ),
)
odd = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["tolerance", "alpha"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)
names = st.sampled_from(Expectation.names()) | st.text(max_size=8)
arguments = st.dictionaries(names, odd, max_size=4)


def refused(error, given_):
    """One sentence in which an argument is named."""
    assert SENTENCE.fullmatch(str(error)), str(error)
    assert any(name in str(error) or repr(name) in str(error) for name in given_)


@given(arguments, st.booleans())
def test_the_marker_states_an_expectation_or_names_the_argument(given_, hooks):
    try:
        expectation = Expectation.of(given_, hooks=hooks)
    except InvalidTrainingError as error:
        refused(error, given_)
        return
    # What was accepted crosses to worker processes and is written.
    written = json.loads(json.dumps(expectation.to_dict()))
    assert Expectation.from_dict(written) == expectation
    hash((expectation.max_loss, expectation.steps, expectation.seed, expectation.ignore))


@given(st.sampled_from(Expectation.names()), odd)
def test_one_argument_is_accepted_or_named(name, value):
    try:
        expectation = Expectation.of({name: value})
    except InvalidTrainingError as error:
        refused(error, [name])
        return
    assert type(getattr(expectation, name)) in {bool, int, float, str, dict, tuple, type(None)}


@given(expectations, st.lists(arguments, max_size=3), arguments, arguments)
def test_what_is_said_in_several_places_is_resolved_or_named(expectation, markers, line, ini):
    call = {name: getattr(expectation, name) for name in ("max_loss", "monotone")}
    try:
        found = resolve(
            call=call, markers=markers, command_line=line, ini=ini, base_seed=0, test="a"
        )
    except InvalidTrainingError as error:
        refused(error, [name for place in (*markers, line, ini) for name in place])
        return
    assert (found.max_loss, found.monotone) == (expectation.max_loss, expectation.monotone)
    assert found.seed is not None


@given(st.dictionaries(st.sampled_from(["epochs", "steps_per_epoch", "initial_epoch"]), odd))
def test_the_length_in_epochs_is_accepted_or_named(given_):
    try:
        length = Length(**given_)
    except InvalidTrainingError as error:
        refused(error, given_)
        return
    try:
        assert (length.updates(7) is None) == (length.epochs is None)
    except InvalidTrainingError as error:
        refused(error, given_)


@given(st.sampled_from(OPTIONS), odd)
def test_an_option_takes_a_value_or_names_itself(option, value):
    place = option.flag or option.ini_name
    try:
        _parsed(option, value, place, option.remedy, Path())
    except pytest.UsageError as error:
        refused(error, [place])


@given(st.sampled_from(OPTIONS), st.text(max_size=20) | st.integers().map(str) | anything.map(repr))
def test_an_option_takes_a_text_or_names_itself(option, text):
    place = option.flag or option.ini_name
    try:
        _parsed(option, text, place, option.remedy, Path())
    except pytest.UsageError as error:
        refused(error, [place])


@given(odd, st.text(max_size=9), st.lists(st.text(max_size=9), max_size=5))
def test_every_complaint_is_a_sentence_on_one_line(value, name, known):
    text = complaint(shown(value), "something else", nearest(name, known))
    assert SENTENCE.fullmatch(text)
    assert len(shown(value).splitlines()) <= 1
