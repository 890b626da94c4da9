"""What a test notices: which changes count as seen, harmful and smallest."""

from __future__ import annotations

import json

import pytest

from pytest_converge.core.sensitivity import HARM, Sensitivity, TriedMutation


def tried(change, effect, red, judged=5, **fields):
    losses = (0.1,) * judged
    return TriedMutation(
        change=change, effect=effect, red=red, judged=judged, losses=losses, **fields
    )


FREE = TriedMutation(change="frozen", reason="no layers")


def study(*mutations, **fields):
    return Sensitivity(test="t.py::t", losses=(0.1, 0.2), mutations=mutations, **fields)


@pytest.mark.parametrize(
    ("red", "judged", "seen"), [(5, 5, True), (4, 5, False), (0, 5, False), (1, 1, True)]
)
def test_a_change_is_seen_where_every_test_turns_red(red, judged, seen):
    assert tried("a", 0.5, red, judged).seen == seen
    assert not FREE.seen


@pytest.mark.parametrize(
    ("effect", "harmful"), [(HARM + 0.01, True), (HARM, False), (-0.5, False), (None, True)]
)
def test_a_change_does_harm_beyond_the_tolerance(effect, harmful):
    assert tried("a", effect, 0).harmful == harmful
    assert not FREE.harmful


def test_the_smallest_change_is_the_one_of_least_effect_among_those_seen():
    mutations = (tried("a", 0.2, 4), tried("b", 3.0, 5), tried("c", 0.5, 5), tried("d", None, 5))
    assert study(*mutations).smallest.change == "c"
    assert study(mutations[3], FREE).smallest.change == "d"
    assert study(mutations[0], FREE).smallest is None


def test_blind_is_who_sees_nothing_of_what_did_harm():
    assert study(tried("a", 0.5, 4), tried("b", -0.1, 0)).blind
    assert not study(tried("a", 0.5, 5), tried("b", 0.6, 0)).blind
    assert not study(tried("a", 0.01, 0), FREE).blind
    assert not study(FREE).blind
    assert not study().blind


def test_a_study_survives_json():
    whole = study(
        tried("a", 0.5, 4, gates=("target-missed",)),
        FREE,
        number=2,
        training=3,
        baseline=True,
        alone="one object",
        left_out=("b",),
        seconds=1.5,
        budget=60.0,
    )
    assert Sensitivity.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole
    assert whole.passed
    assert whole.always_shown
    assert whole.kind == "sensitivity"


def test_its_scalars_count_what_was_made_and_noticed():
    mutations = tried("a", 0.5, 5), tried("b", 0.5, 4), tried("c", 0.01, 0), FREE
    assert study(*mutations, training=2, seconds=1.23456).scalars == {
        "changes": 3,
        "noticed": 1,
        "harmful_unnoticed": 1,
        "training": 2,
        "seconds": 1.235,
    }
