"""Which settings and rows make two trainings the same task."""

from __future__ import annotations

import pytest

from pytest_converge.baselines.gate.identity import (
    data_changes,
    differences,
    setting_changes,
    unknown,
    why_not_judged,
)

FACTS = {
    "digest": "a",
    "link": 0.5,
    "rows": 442,
    "seen": "an epoch",
    "x_mean": 1e-9,
    "x_deviation": 1.0,
    "x_shape": "10",
    "y_mean": 152.133,
    "y_deviation": 77.0,
    "y_shape": "1",
}


def names(found):
    return [change.name for change in found]


def settings_of(recorded, present, recorded_data=None, data=None):
    return setting_changes(recorded, present, recorded_data or {}, data or {})


def test_what_differs_is_listed_by_name():
    found = differences({"steps": 200, "b": 1, "same": 0}, {"steps": 300, "a": 2, "same": 0})
    assert [(d.name, d.recorded, d.present) for d in found] == [
        ("a", None, 2),
        ("b", 1, None),
        ("steps", 200, 300),
    ]


def test_what_one_side_does_not_know_is_no_change():
    assert settings_of({"steps": 1, "shuffle": True}, {"steps": 1, "loss": "huber"}) == ()
    assert names(settings_of({"metric": None}, {"metric": "loss"})) == ["metric"]


@pytest.mark.parametrize(
    ("recorded", "present", "same"),
    [(32, 20, True), (32, 64, True), (16, 32, False), (32, 16, False)],
)
def test_batches_that_hold_all_rows_are_alike(recorded, present, same):
    data = {"rows": 20}
    found = settings_of({"batch_size": recorded}, {"batch_size": present}, {}, data)
    assert names(found) == ([] if same else ["batch_size"])


@pytest.mark.parametrize(
    ("recorded", "present", "why"),
    [
        ({"loss": "mean_squared_error"}, {"loss": "huber"}, "the losses are in other units"),
        ({"reduction": "mean"}, {"reduction": "sum"}, "the losses are in other units"),
        ({"steps": 100}, {"steps": 200}, "it is another task"),
    ],
)
def test_why_runs_cannot_be_compared(recorded, present, why):
    assert why_not_judged(settings_of(recorded, present)) == why


def test_a_source_that_gives_others_in_every_session_is_not_judged():
    found = settings_of({}, {}, {**FACTS, "order": "1"}, {**FACTS, "order": "2"})
    assert names(found) == ["order"]
    assert why_not_judged(found) == (
        "the source gives other batches in every session, and all starts share them"
    )
    assert names(settings_of({}, {}, {"order": "1"}, {"order": "2"})) == ["order"]
    assert settings_of({}, {}, {**FACTS, "order": "1"}, FACTS) == ()


def test_rows_with_the_same_digest_are_the_same():
    assert data_changes(FACTS, {**FACTS, "link": 3.0, "order": "1"}) == ()


def test_rounding_makes_no_other_rows():
    rounded = {**FACTS, "digest": "b", "x_mean": 3e-8, "y_mean": 152.1352, "link": 0.5003}
    assert data_changes(FACTS, rounded) == ()
    reordered = {"digest": "b", "order": "2"}
    assert data_changes({**FACTS, "order": "1"}, {**rounded, **reordered}) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x_mean": 0.0, "x_deviation": 99999.0}, {"x_mean": 1.0, "x_deviation": 99999.0}),
        ({"link": 99999.0}, {"link": 100000.0}),
    ],
)
def test_rounding_is_relative_to_the_larger_of_both_sides(one, other):
    one, other = {**one, "digest": "a"}, {**other, "digest": "b"}
    assert data_changes(one, other) == data_changes(other, one) == ()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"rows": 400, "x_mean": 0.1}, ["rows", "x_mean"]),
        ({"x_shape": "9"}, ["x_shape"]),
        ({"y_mean": 152.1354}, ["y_mean"]),
        ({"link": 0.6}, ["digest"]),
        ({"w_mean": 1.0, "w_shape": "1"}, ["w_mean", "w_shape"]),
    ],
)
def test_other_rows_are_told_by_what_a_reader_can_judge(changed, told):
    assert names(data_changes(FACTS, {**FACTS, "digest": "b", **changed})) == told


def test_what_was_looked_at_in_part_alone_is_unknown():
    part = {**FACTS, "digest": "b", "seen": "the training"}
    unseen = {name: value for name, value in FACTS.items() if name != "digest"}
    for less in (part, unseen):
        assert data_changes(FACTS, less) == data_changes(less, FACTS) == ()
        assert unknown({}, {}, FACTS, less) == unknown({}, {}, less, FACTS) == ("data",)
    assert unknown({"steps": 1}, {"steps": 1, "loss": "huber"}, FACTS, FACTS) == ("loss",)
    assert unknown({}, {}, {}, {}) == ()
