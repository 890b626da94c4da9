"""Sentences: the cause first, with the numbers that show it."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.columns.scale import ScaleEvidence, ScaleFlag
from pytest_converge.core.diagnosis import Trial
from pytest_converge.diagnosis import sentences
from pytest_converge.diagnosis.clues import Clues
from pytest_converge.training.measures.layer_readings import LayerReading, LayerReadings
from tests.checks.curves import record_of

RECORD = record_of([2.0, 1.5])
CALM = Clues(rate=0.01)
CAUSES = [
    "learning-rate-too-high",
    "learning-rate-too-low",
    "momentum-too-high",
    "too-few-steps",
    "plateau",
    "saddle-point",
    "local-minimum",
    "bad-initialisation",
    "unscaled-features",
    "unscaled-targets",
    "nonfinite-data",
    "label-encoding",
    "unshuffled-data",
    "output-loss-mismatch",
    "dead-units",
    "vanishing-gradient",
    "exploding-gradient",
    "frozen-variables",
    "regularisation-too-strong",
    "too-small-capacity",
    "a-code-of-a-plugin",
]


def trial(change="the change"):
    return Trial(change=change, code="any", losses=(1.0,), passed=1)


def say(cause, clues=CALM, gauge=math.nan, where=("x[:, 0]",), change="the change"):
    return sentences.sentence(cause, trial(change), RECORD, clues, gauge, where)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_one_short_sentence(cause):
    text = say(cause)
    assert 10 < len(text) <= 160
    assert "\n" not in text
    assert "{" not in text
    assert "the change" in text or cause in (
        "nonfinite-data",
        "unshuffled-data",
        "frozen-variables",
    )


@pytest.mark.parametrize(
    ("cause", "gauge", "said"),
    [
        ("learning-rate-too-high", -3.2, "0.01 is too high (steps overshoot: gauge -3.2)"),
        ("learning-rate-too-high", 0.4, "0.01 is too high;"),
        ("learning-rate-too-low", 0.97, "0.01 is too low (steps feel no curvature: gauge 0.97)"),
        ("learning-rate-too-low", math.nan, "0.01 is too low;"),
    ],
)
def test_a_gauge_is_told_where_it_agrees(cause, gauge, said):
    assert said in say(cause, gauge=gauge)


def flag(part, value, *columns, array="x"):
    return ScaleFlag(part=part, array=array, value=value, limit=1.0, columns=columns)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("large-rms", "root mean square 1.23e+03 in"),
        ("deviation", "standard deviation up to 1.23e+03 in"),
        ("offset", "mean 1.23e+03 times the standard deviation in"),
    ],
)
def test_a_scale_is_told_in_numbers_and_columns(part, said):
    flags = (flag(part, 1234.5, "x[:, 0]", "x[:, 3]"),)
    clues = dataclasses.replace(CALM, scale=ScaleEvidence(features=flags))
    text = say("unscaled-features", clues)
    assert said in text
    assert text.endswith("x[:, 0], x[:, 3]")
    assert sentences.evidence(clues, RECORD, math.nan)[f"x {part}"] == 1234.5


def test_targets_have_a_scale_of_their_own():
    clues = dataclasses.replace(CALM, scale=ScaleEvidence(targets=(flag("spread", 99.0, "y"),)))
    assert (
        say("unscaled-targets", clues)
        == "targets on an unsuitable scale: standard deviation 99 in y"
    )


def reading(name, **fields):
    given = {field.name: None for field in dataclasses.fields(LayerReading)}
    given |= {"name": name, "kind": "Dense", "size": 8, "gradient_norm": 1.0, "units": 4}
    return LayerReading(**{**given, **fields})


def readings(*layers, ratio=None):
    given = {field.name: None for field in dataclasses.fields(LayerReadings)}
    settable = {name: value for name, value in given.items() if name != "layers"}
    return LayerReadings(
        **{**settable, "layers": layers, "first_to_last": ratio, "all_zero": False}
    )


def test_dead_layers_are_named():
    clues = dataclasses.replace(
        CALM, layers=readings(reading("first", dead=0.9), reading("second", dead=0.2))
    )
    text = say("dead-units", clues)
    assert "units of first are dead" in text
    assert "second" not in text
    assert sentences.evidence(clues, RECORD, math.nan)["dead_layers"] == "first"


def test_a_vanishing_gradient_comes_with_its_share():
    clues = dataclasses.replace(CALM, layers=readings(reading("a"), ratio=2e-5))
    assert "gets 2e-05 of the last one's gradient" in say("vanishing-gradient", clues)


def test_a_high_initial_loss_comes_with_its_size():
    clues = dataclasses.replace(CALM, start_ratio=40.0)
    assert "the initial loss is 40 times that of a constant" in say("bad-initialisation", clues)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b", "c"), "a, b, c"),
        (("a", "b", "c", "d", "e"), "a, b, c and 2 more"),
    ],
)
def test_many_names_are_counted(names, text):
    assert sentences.named(names) == text


def test_evidence_leaves_out_what_was_not_measured():
    values = sentences.evidence(Clues(rate=math.nan), RECORD, math.nan)
    assert values == {"initial_loss": 2.0, "final_loss": 1.5}
