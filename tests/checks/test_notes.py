"""Notes never turn a test red."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.checks.notes import (
    features_vary,
    held_out_rows_are_new,
    inference_differs,
    rate_is_stable,
    units_are_alive,
)
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.overlap import RowOverlap
from tests.checks.curves import record_of


def compared(inference, last):
    record = record_of([5.0, last])
    curve = dataclasses.replace(record.curve, inference_loss=inference)
    return inference_differs(dataclasses.replace(record, curve=curve), Expectation())


@pytest.mark.parametrize(
    ("inference", "last", "noted"),
    [
        (0.208, 0.025, True),
        (2.0, 1.0, False),
        (2.0 + 1e-9, 1.0, True),
        (0.1, 1.0, False),
        (math.inf, 1.0, True),
        (None, 1.0, False),
        (1.0, 0.0, False),
        (1.0, -1.0, False),
        (1.0, math.nan, False),
        (math.nan, 1.0, True),
    ],
)
def test_an_inference_loss_more_than_twice_as_high_is_noted(inference, last, noted):
    assert (compared(inference, last) is not None) == noted


def test_what_is_said():
    finding = compared(0.208, 0.025)
    assert (finding.code, finding.fails) == ("inference-gap", False)
    assert finding.message == "the loss is 0.2080 in inference and 0.02500 in training mode"
    assert finding.evidence == {"inference_loss": 0.208, "final_loss": 0.025}


def test_a_training_without_a_probe_set_has_no_such_note():
    record = record_of([5.0, 1.0])
    curve = dataclasses.replace(record.curve, inference_loss=9.0, final_loss=None)
    assert inference_differs(dataclasses.replace(record, curve=curve), Expectation()) is None


def test_constant_columns_are_named_and_counted():
    names = tuple(f"x[:, {n}]" for n in range(5))
    finding = features_vary(record_of([5.0, 1.0], constant_columns=names), Expectation())
    assert (finding.code, finding.fails) == ("constant-feature", False)
    assert finding.message == "x[:, 0], x[:, 1], x[:, 2] and 2 more has the same value in every row"
    assert finding.evidence == {"columns": 5}
    assert features_vary(record_of([5.0, 1.0]), Expectation()) is None


def at_share(share, rates=(0.10000000149011612,)):
    record = record_of([5.0, 1.0], limit_share=share)
    curve = dataclasses.replace(record.curve, learning_rate=rates)
    return rate_is_stable(dataclasses.replace(record, curve=curve), Expectation())


@pytest.mark.parametrize(
    ("share", "noted"), [(0.9, False), (0.91, True), (1.3, True), (None, False), (math.nan, False)]
)
def test_a_rate_next_to_the_largest_stable_one_is_noted(share, noted):
    assert (at_share(share) is not None) is noted


def test_what_is_said_of_the_edge():
    finding = at_share(0.97)
    assert (finding.code, finding.fails) == ("edge-of-stability", False)
    said = "learning rate 0.1 is 97 % of the largest that is stable along the last steps"
    assert finding.message == said
    assert finding.evidence == {"learning_rate": 0.1, "limit_share": 0.97}
    assert at_share(0.97, rates=()) is None


def test_layers_that_are_mostly_dead_are_noted():
    record = record_of([5.0, 1.0], dead_units={"first": 0.75, "second": 0.5, "third": 1.0})
    finding = units_are_alive(record, Expectation())
    assert (finding.code, finding.fails) == ("dead-units", False)
    said = "units that are 0 on every row at the end: 75 % of first, 100 % of third"
    assert finding.message == said
    assert finding.evidence == {"first": 0.75, "third": 1.0}


def test_some_dead_units_are_usual():
    assert units_are_alive(record_of([5.0, 1.0], dead_units={"a": 0.5}), Expectation()) is None
    assert units_are_alive(record_of([5.0, 1.0]), Expectation()) is None


def test_many_dead_layers_are_counted():
    dead = dict.fromkeys("abcde", 0.8)
    finding = units_are_alive(record_of([5.0, 1.0], dead_units=dead), Expectation())
    assert finding.message.endswith("80 % of c and 2 more layers")
    three = record_of([5.0, 1.0], dead_units=dict.fromkeys("abc", 0.8))
    assert units_are_alive(three, Expectation()).message.endswith(", 80 % of b, 80 % of c")


def overlapping(**changed):
    values = {"shared": 57, "rows": 114, "expected": 2.96, "p_value": 1e-20, **changed}
    return held_out_rows_are_new(record_of([5.0, 1.0], overlap=RowOverlap(**values)), Expectation())


def test_rows_that_are_held_out_and_trained_on_are_noted():
    finding = overlapping()
    assert (finding.code, finding.fails) == ("validation-overlap", False)
    assert finding.message == "57 of 114 rows of validation_data are trained on, 3 by chance"
    assert finding.evidence == {"shared": 57, "rows": 114, "expected": 2.96}
    assert "none by chance" in overlapping(expected=0.0).message


@pytest.mark.parametrize("changed", [{"p_value": 2e-4}, {"shared": 1}])
def test_rows_that_chance_shares_are_not(changed):
    assert overlapping(**changed) is None
    assert held_out_rows_are_new(record_of([5.0, 1.0]), Expectation()) is None
