"""Any record through every gate: no crash, nothing that is not finite passes, and laws."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math

from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_converge.checks.gates import GATES, judge
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import GATE_CODES, NOTE_CODES
from tests.checks.curves import record_of, record_of_batches
from tests.fuzz.records import (
    bounds,
    curves,
    expectations,
    finite,
    maybe,
    ordinary,
    records,
    shares,
)

#: What decides of a curve alone.
OF_CURVES = {"nonfinite-loss", "target-missed", "not-decreasing", "not-monotone"}
modes = st.sampled_from(["trend", "strict"])
#: Changes of a loss about the sizes that the gates go by.
CHANGES = [0.0, -5e-7, 5e-7, 9e-7, 1.1e-6, -0.01, -0.1, 0.05, 0.15, 0.5]
walks = st.lists(st.sampled_from(CHANGES), max_size=32).map(
    lambda changes: list(itertools.accumulate(changes, initial=1.0))
)
losses = st.lists(finite, min_size=1, max_size=12) | walks
positive = st.lists(ordinary, min_size=3, max_size=12)


def failed(record, **expectation):
    found = judge(record, Expectation(**expectation))
    return {finding.code for finding in found if finding.fails}


@given(records(), expectations)
def test_every_record_is_judged_in_sentences_and_plain_values(record, expectation):
    for gate in GATES:
        finding = gate(record, expectation)
        if finding is not None:
            assert finding.code in (GATE_CODES if finding.fails else NOTE_CODES)
            assert finding.message
            json.dumps(finding.to_dict())


@given(records(), expectations)
def test_nothing_that_is_not_finite_passes(record, expectation):
    curve = record.curve
    seen = [*curve.batch_loss, *curve.probe_loss, curve.initial_loss, curve.final_loss]
    seen += [curve.inference_loss, record.reported_loss]
    broken = any(value is not None and not math.isfinite(value) for value in seen)
    # An infinite metric may be as good as one can be, as a ratio of signal to noise.
    bounded = [record.metrics.get(name, math.nan) for name in expectation.metrics]
    broken |= any(map(math.isnan, bounded))
    ignored = "nonfinite-data" in expectation.ignore
    broken |= any(item.what != "data" or not ignored for item in record.nonfinite)
    assume(broken)
    assert any(finding.fails for finding in judge(record, expectation))


@given(records(finite, least=1), st.sampled_from([math.nan, math.inf, -math.inf]), st.data())
def test_one_loss_that_is_not_finite_is_enough(record, value, data):
    at = data.draw(st.integers(0, len(record.curve.batch_loss) - 1))
    batches = list(record.curve.batch_loss)
    batches[at] = value
    curve = dataclasses.replace(record.curve, batch_loss=tuple(batches))
    record = dataclasses.replace(record, curve=curve, nonfinite=())
    assert "nonfinite-loss" in failed(record, max_loss=1e308, monotone="off")


@given(records(), expectations)
def test_what_is_ignored_is_all_that_is_left_out(record, expectation):
    heard = judge(record, dataclasses.replace(expectation, ignore=()))
    kept = [finding for finding in heard if finding.code not in expectation.ignore]
    # By their texts: a NaN among the numbers is no reason for two findings to differ.
    assert repr(judge(record, expectation)) == repr(tuple(kept))


@given(curves(ordinary, least=1), st.integers(-200, 200), maybe(ordinary), maybe(shares), modes)
def test_the_unit_of_the_loss_changes_no_verdict(curve, power, max_loss, min_decrease, monotone):
    def times(value):
        return None if value is None else math.ldexp(value, power)

    scaled = dataclasses.replace(
        curve,
        batch_loss=tuple(map(times, curve.batch_loss)),
        probe_loss=tuple(map(times, curve.probe_loss)),
        initial_loss=times(curve.initial_loss),
        final_loss=times(curve.final_loss),
        inference_loss=times(curve.inference_loss),
    )
    rest = {"min_decrease": min_decrease, "monotone": monotone}
    before = failed(_record(curve), max_loss=max_loss, **rest)
    assert failed(_record(scaled), max_loss=times(max_loss), **rest) == before


@given(curves(ordinary, least=1), ordinary, shares, st.integers(-200, 200))
def test_the_unit_of_the_loss_changes_no_skill(curve, constant, min_skill, power):
    def record(power):
        last = math.ldexp(curve.last, power)
        changed = dataclasses.replace(curve, final_loss=last)
        return dataclasses.replace(_record(changed), constant_loss=math.ldexp(constant, power))

    found = [
        "skill-too-low" in failed(record(n), min_skill=min_skill, monotone="off")
        for n in (0, power)
    ]
    assert found[0] == found[1]


@given(losses, expectations, finite)
def test_a_higher_bound_fails_no_more(values, expectation, higher):
    assume(expectation.max_loss is not None and higher >= expectation.max_loss)
    record = record_of(values)
    looser = dataclasses.replace(expectation, max_loss=higher)
    assert _of_curve(record, looser) <= _of_curve(record, expectation)


@given(losses, expectations, shares)
def test_a_smaller_demand_fails_no_more(values, expectation, smaller):
    assume(expectation.min_decrease is not None and smaller <= expectation.min_decrease)
    record = record_of(values)
    looser = dataclasses.replace(expectation, min_decrease=smaller)
    assert _of_curve(record, looser) <= _of_curve(record, expectation)


@given(losses, maybe(finite))
def test_what_falls_strictly_has_the_trend_too(values, max_loss):
    record = record_of(values)
    assume("not-monotone" not in failed(record, max_loss=max_loss, monotone="strict"))
    assert "not-monotone" not in failed(record, max_loss=max_loss, monotone="trend")


@given(losses, modes, maybe(finite), finite)
def test_a_lower_end_fails_no_more(values, monotone, max_loss, lower):
    assume(lower <= values[-1])
    expected = {"max_loss": max_loss, "monotone": monotone, "min_decrease": 0.05}
    assume(not failed(record_of(values), **expected))
    assert not failed(record_of([*values[:-1], lower]), **expected)


@given(positive, modes)
def test_a_loss_that_never_rises_and_loses_enough_passes(values, monotone):
    falling = sorted(values, reverse=True)
    assume(falling[-1] <= 0.949 * falling[0])
    assert not failed(record_of(falling), monotone=monotone)
    batches = record_of_batches(falling)
    assume(batches.curve.last <= 0.949 * batches.curve.first)
    assert not failed(batches, monotone=monotone)


@given(positive, modes)
def test_a_loss_that_never_falls_does_not_pass(values, monotone):
    rising = sorted(values)
    assert "not-decreasing" in failed(record_of(rising), monotone=monotone)
    assert "not-decreasing" in failed(record_of_batches(rising), monotone=monotone)


@given(finite, st.integers(1, 40))
def test_a_loss_that_stands_still_does_not_pass(value, count):
    assert "not-decreasing" in failed(record_of([value] * count))


@given(records(finite, least=1), st.text(min_size=1, max_size=9), bounds, finite)
def test_a_metric_passes_within_its_bounds_alone(record, name, bound, value):
    record = dataclasses.replace(record, metrics={name: value})
    inside = bound[0] <= value <= bound[1]
    found = failed(record, metrics={name: bound}, max_loss=1e308, monotone="off")
    assert ("metric-out-of-bounds" in found) != inside


def _record(curve):
    return dataclasses.replace(record_of([1.0]), curve=curve)


def _of_curve(record, expectation):
    return {f.code for f in judge(record, expectation) if f.fails} & OF_CURVES
