"""Diagnoses: what counts as verified and proven, and that they survive JSON."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from pytest_converge.core.diagnosis import Diagnosis, NamedCause, RateBracket, Trial


def trial(*losses, passed=0, code="unscaled-features", **fields):
    return Trial(change="features standardised", code=code, losses=losses, passed=passed, **fields)


def again(value):
    """What arrives after a way through JSON text."""
    return type(value).from_dict(json.loads(json.dumps(value.to_dict())))


FULL_TRIAL = trial(
    0.25,
    0.5,
    passed=2,
    fix="scaler.adapt(x)",
    comparable=False,
    deterministic=True,
    control=True,
    seconds=1.5,
    worse_than_baseline=True,
    course=((0, 4.0), (10, 0.25)),
)
FULL = Diagnosis(
    cause="unscaled-features",
    message="x[:, 3] has a standard deviation of 300",
    fix="scaler.adapt(x)",
    evidence={"largest_std": 300.5, "columns": 13, "name": "x[:, 3]", "offset": None},
    where=("x[:, 3]", "dense/kernel"),
    verified=(FULL_TRIAL,),
    tried=(FULL_TRIAL, trial(1.0)),
    excluded=(("dropout off", "there is none"),),
    bracket=RateBracket(own=0.1, lowest=1e-3, highest=0.02, proposed=0.01, stability_limit=0.05),
    floor=0.667,
    seconds=7.5,
    budget=10.0,
    left_out=("twice as wide",),
    causes=(NamedCause(cause="unscaled-features", message="x", fix="scaler", where=("x",)),),
)


@pytest.mark.parametrize(
    ("losses", "passed", "deterministic", "verified"),
    [
        ((0.1, 0.2, 0.3), 3, False, True),
        ((0.1, 0.2, 0.3, 0.4), 4, False, True),
        ((0.1, 0.2, 0.3), 2, False, False),
        ((0.1, 0.2, 0.3, 0.4), 3, False, False),
        ((0.1, 0.2), 2, False, False),
        ((0.1,), 1, False, False),
        ((0.1,), 1, True, True),
        ((0.1,), 0, True, False),
        ((0.1, 0.2, 0.3), 2, True, False),
        ((), 0, False, False),
        ((), 0, True, False),
    ],
)
def test_verified_is_every_one_of_three_seeds_or_the_only_start(
    losses, passed, deterministic, verified
):
    found = trial(*losses, passed=passed, deterministic=deterministic)
    assert found.seeds == len(losses)
    assert found.verified == verified


def test_a_cause_is_known_unless_it_is_unknown():
    assert Diagnosis(cause="plateau", message="").known
    assert not Diagnosis(cause="unknown", message="").known


@pytest.mark.parametrize(
    ("codes", "proven"),
    [
        ((), False),
        (("plateau",), True),
        (("saddle-point",), False),
        (("saddle-point", "plateau"), True),
    ],
)
def test_a_cause_is_proven_by_a_verified_repair_of_its_own(codes, proven):
    repairs = tuple(trial(0.1, 0.1, 0.1, passed=3, code=code) for code in codes)
    assert Diagnosis(cause="plateau", message="", verified=repairs).proven == proven
    # Trying alone proves nothing.
    assert not Diagnosis(cause="plateau", message="", tried=repairs).proven


def test_an_unknown_cause_is_never_proven():
    assert not Diagnosis(cause="unknown", message="", verified=(FULL_TRIAL,)).proven


@pytest.mark.parametrize("value", [FULL_TRIAL, FULL], ids=["trial", "diagnosis"])
def test_every_field_survives_json(value):
    for field in dataclasses.fields(value):  # a field that is added is tested here too
        assert getattr(value, field.name) not in (field.default, {}, ())
    assert again(value) == value


def test_defaults_survive_json():
    bare = Diagnosis(cause="unknown", message="")
    assert again(bare) == bare
    assert again(trial()) == trial()


def test_what_arrives_has_the_types_that_were_sent():
    found = again(FULL)
    assert isinstance(found.bracket, RateBracket)
    assert all(isinstance(item, Trial) for item in (*found.verified, *found.tried))
    for name in ("where", "verified", "tried", "excluded", "left_out"):
        assert isinstance(getattr(found, name), tuple), name
    assert isinstance(found.excluded[0], tuple)
    assert isinstance(found.tried[0].losses, tuple)
    assert all(isinstance(point, tuple) for point in found.tried[0].course)


def test_numbers_that_are_not_finite_survive_too():
    lost = dataclasses.replace(
        FULL,
        tried=(trial(math.nan, math.inf, -math.inf),),
        evidence={"loss": math.nan},
        floor=math.nan,
        budget=math.inf,
    )
    found = again(lost)
    assert repr(found) == repr(lost)
    assert math.isnan(found.tried[0].losses[0])


def test_to_dict_hands_out_copies():
    FULL.to_dict()["evidence"]["columns"] = 0
    FULL.to_dict()["tried"][0]["losses"].clear()
    assert FULL.evidence["columns"] == 13
    assert FULL.tried[0].losses == (0.25, 0.5)
