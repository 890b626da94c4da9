"""The table of what a test notices, as a whole, at several widths."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.core.sensitivity import Sensitivity, TriedMutation
from pytest_converge.report.layout import cell_width
from pytest_converge.report.sensitivity import effect_text, sensitivity_lines
from pytest_converge.report.studies import study_from, study_summary, study_to_dict

TARGET = ("target-missed",)


def tried(change, effect, red, gates=(), judged=5, losses=(0.05,) * 5):
    return TriedMutation(
        change=change, effect=effect, red=red, gates=gates, judged=judged, losses=losses
    )


STUDY = Sensitivity(
    test="tests/test_models.py::test_wine",
    losses=(0.02, 0.03, 0.04, 0.03, 0.02),
    mutations=(
        tried("learning rate x 0.7", 0.21, 0),
        tried("learning rate x 0.5", 0.448, 3, TARGET),
        tried("first layer frozen", 2.3, 5, ("target-missed", "not-decreasing")),
        tried("5 % label noise", 239.2, 5, TARGET),
        TriedMutation(change="activation removed", reason="no hidden layer has an activation"),
    ),
    budget=60.0,
)
WIDE = """\
power: final loss 0.03000 over 5 starts
change               final loss  red     by
learning rate x 0.7       +21 %  0 of 5
learning rate x 0.5       +45 %  3 of 5  target-missed
first layer frozen       +230 %  5 of 5  target-missed, not-decreasing
5 % label noise           x 240  5 of 5  target-missed
activation removed   no hidden layer has an activation
smallest change seen: first layer frozen (+230 %)
largest change not seen: learning rate x 0.5 (+45 %)"""
NARROW = """\
power: final loss 0.03000 over 5 starts
change               final loss  red
learning rate x 0.7       +21 %  0 of 5
learning rate x 0.5       +45 %  3 of 5
first layer frozen       +230 %  5 of 5
5 % label noise           x 240  5 of 5
activation removed   no hidden layer has
                    an activation
smallest change seen: first layer frozen
(+230 %)
largest change not seen: learning rate x
0.5 (+45 %)"""


def text(study, width=80, unicode=True):
    return "\n".join(sensitivity_lines(study, width, unicode))


def test_the_table():
    assert text(STUDY) == text(STUDY, 200) == WIDE
    assert text(STUDY, 40) == NARROW


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(width, unicode):
    blind = dataclasses.replace(
        STUDY, mutations=STUDY.mutations[:2], alone="é" * 50, left_out=("a", "b"), baseline=True
    )
    for study in (STUDY, blind):
        lines = sensitivity_lines(study, width, unicode)
        assert max(map(cell_width, lines)) <= width
        assert unicode or all(line.isascii() for line in lines)


def test_a_blind_test_is_called_blind_and_told_what_helps():
    blind = dataclasses.replace(STUDY, mutations=STUDY.mutations[:2])
    assert text(blind).splitlines()[-2:] == [
        "blind: sees none of 2 changes every time",
        "add baseline=True, or a tighter max_loss as --converge-calibrate proposes",
    ]
    with_baseline = dataclasses.replace(blind, baseline=True)
    assert "over 5 starts, with its baseline" in text(with_baseline)
    assert "add baseline=True" not in text(with_baseline)


def test_changes_without_harm_make_no_test_blind():
    harmless = dataclasses.replace(STUDY, mutations=(tried("activation removed", -0.2, 0),))
    assert text(harmless).splitlines()[-1] == (
        "no change did harm: none raised the final loss by 5 %"
    )


def test_what_is_missing_is_said():
    study = dataclasses.replace(
        STUDY,
        training=2,
        red=2,
        alone="converge.step cannot build the model anew",
        left_out=("a", "b"),
    )
    lines = text(study).splitlines()
    assert lines[0].startswith("power of training 2: final loss")
    assert lines[-3:] == [
        "red 2 times without any change: the verdict depends on the seed",
        "one start: converge.step cannot build the model anew",
        "no time for a, b: 1 min were spent",
    ]


def test_a_loss_without_a_ratio_is_shown_itself():
    study = dataclasses.replace(
        STUDY,
        mutations=(
            tried("a", None, 5, losses=(-0.25,)),
            tried("b", None, 5, losses=(math.nan,) * 5),
        ),
    )
    assert [line.split()[:2] for line in text(study).splitlines()[2:4]] == [
        ["a", "-0.2500"],
        ["b", "nan"],
    ]


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (0.0, "+0 %"),
        (-0.4, "-40 %"),
        (10.0, "+1000 %"),
        (10.4, "x 11"),
        (7.4e4, "x 74000"),
        (3.14e6, "x 3.1e6"),
        (None, ""),
    ],
)
def test_effects(effect, said):
    assert effect_text(effect) == said


@pytest.mark.parametrize(("verbosity", "shown"), [(-2, False), (-1, True), (0, True), (1, True)])
def test_the_summary_shows_it_though_nothing_failed(verbosity, shown):
    lines = study_summary([STUDY], width=80, verbosity=verbosity, unicode=True)
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert (WIDE in "\n".join(texts)) == shown


def test_it_crosses_to_another_process():
    assert study_from(study_to_dict(STUDY)) == STUDY
