"""Values to primitives and back, whatever is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_converge.core.baseline import Baseline, BaselineReport
from pytest_converge.core.calibration import Calibration
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.data_report import DataReport
from pytest_converge.core.diagnosis import Diagnosis
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.pipeline_comparison import PipelineComparison
from pytest_converge.core.pipeline_report import PipelineReport
from pytest_converge.core.rate_range import RateRange
from pytest_converge.core.sensitivity import Sensitivity
from pytest_converge.core.serialisation import PLAIN, primitives
from tests.fuzz.records import expectations, rarely, records

#: What crosses from worker processes and is written to reports.
KINDS = [
    Baseline,
    BaselineReport,
    Calibration,
    DataReport,
    Diagnosis,
    Finding,
    LossCurve,
    PipelineComparison,
    PipelineReport,
    RateRange,
    Sensitivity,
]
#: What a hook may put into a finding.
odd = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
        *(st.complex_numbers(), st.sets(st.integers()), st.dates()),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)

# What it checks of its arguments no strategy knows.
st.register_type_strategy(Expectation, expectations)
# A dict, since that is what comes back.
st.register_type_strategy(
    Mapping, lambda kind: st.dictionaries(*map(st.from_type, get_args(kind)), max_size=3)
)


def carried(value):
    """As it comes out of JSON, which spells what is not finite too."""
    return type(value).from_dict(json.loads(json.dumps(value.to_dict())))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@rarely
@given(data=st.data())
def test_a_value_comes_back_as_it_was(kind, data):
    value = data.draw(st.from_type(kind))
    # By their texts, in which a NaN is like another.
    assert repr(carried(value)) == repr(value)


@given(records())
def test_a_record_comes_back_as_it_was(record):
    assert repr(carried(record)) == repr(record)


@given(expectations)
def test_an_expectation_comes_back_as_it_was(expectation):
    assert carried(expectation) == expectation


@given(odd)
def test_whatever_a_hook_measured_becomes_plain(value):
    _check_plain(primitives(value))
    json.dumps(primitives(value))


def _check_plain(value):
    if isinstance(value, list):
        for item in value:
            _check_plain(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            assert type(key) is str
            _check_plain(item)
    else:
        assert type(value) in PLAIN
