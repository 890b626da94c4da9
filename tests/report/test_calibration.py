"""The table of proposed bounds, as a whole, at several widths, and the marker to paste."""

from __future__ import annotations

import ast
import dataclasses

import pytest

from pytest_converge.core.calibration import Calibration, Candidate, LossBound
from pytest_converge.core.expectation import Expectation
from pytest_converge.report.calibration import calibration_lines, marker_code
from pytest_converge.report.layout import cell_width
from pytest_converge.report.studies import study_from, study_to_dict

CHANGES = (
    "learning rate x 0.7",
    "learning rate x 0.5",
    "first layer frozen",
    "5 % label noise",
    "activation removed",
)


def bound(limit, basis="log", rate=0.00097):
    return LossBound(max_loss=limit, basis=basis, false_alarm=rate, ceiling=1 / 21)


def candidate(steps, limit, *power):
    losses = (0.1,) * 20
    return Candidate(
        steps=steps, bound=limit, losses=losses, power=dict(zip(CHANGES, power, strict=False))
    )


STUDY = Calibration(
    test="tests/test_models.py::test_wine",
    candidates=(
        candidate(50, None),
        candidate(100, bound(0.0845), 0.2, 1.0, 1.0, 0.45, 0.0),
        candidate(200, bound(0.0397, rate=1e-7), 0.4, 1.0, 1.0, 1.0, 0.0),
        candidate(400, bound(1.71e-7, "largest", 1 / 21), 0.0, 0.05, 1.0, 1.0, 0.0),
    ),
    chosen=100,
    proposal=Expectation(steps=100, max_loss=0.0845, metrics={"accuracy": (0.9, None)}, seed=3),
    present=0.05,
    excluded=(("beam search", "there is none"),),
    budget=120.0,
)
WIDE = """\
calibration: 20 starts without a change, and how many with one max_loss fails
   steps  max_loss  false alarms  rate x0.7  rate x0.5  frozen  noise  linear
      50      none
*    100    0.0845         0.1 %       20 %      100 %   100 %   45 %     0 %
     200    0.0397      < 0.01 %       40 %      100 %   100 %  100 %     0 %
     400   1.71e-7       < 4.8 %        0 %        5 %   100 %  100 %     0 %
@pytest.mark.converges(max_loss=0.0845, steps=100, metrics={'accuracy': (0.9, None)})
a fresh start exceeds max_loss in about 0.1 % of cases, whatever its distribution in at most 4.8 %
as it is, the test fails 5 % of these starts
without beam search: there is none"""
NARROW = """\
calibration: 20 starts without a change,
and how many with one max_loss fails
   steps  max_loss  false alarms
      50      none
*    100    0.0845         0.1 %
     200    0.0397      < 0.01 %
     400   1.71e-7       < 4.8 %
@pytest.mark.converges(max_loss=0.0845,
    steps=100,
    metrics={'accuracy': (0.9, None)})"""


def lines_of(study, width=80, unicode=True):
    return calibration_lines(study, width, unicode)


def test_the_table():
    assert "\n".join(lines_of(STUDY, 120)) == WIDE
    assert lines_of(STUDY)[1:6] == WIDE.splitlines()[1:6]
    assert "\n".join(lines_of(STUDY, 40)[:10]) == NARROW


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    study = dataclasses.replace(STUDY, training=2, left_out=("a", "b"))
    lines = lines_of(study, width, unicode=False)
    assert max(map(cell_width, lines)) <= width
    assert all(line.isascii() for line in lines)
    assert lines[0].startswith("calibration of training 2: 20 starts")
    assert " ".join(lines[-2:]).endswith("no time for a, b: 2 min were spent")


def test_the_marker_states_what_differs_from_the_defaults_in_python():
    stated = Expectation(
        max_loss=1.5e-7, steps=100, seed=7, seeds=3, baseline=True, ignore=("dead-units",)
    )
    code = marker_code(stated)
    call = ast.parse(code + "\ndef test(): ...").body[0].decorator_list[0]
    given = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert given == {
        "max_loss": 1.5e-7,
        "steps": 100,
        "seeds": 3,
        "baseline": True,
        "ignore": ("dead-units",),
    }
    assert marker_code(Expectation(max_loss=0.5)) == (
        "@pytest.mark.converges(max_loss=0.5, steps=100)"
    )


def said_of(limit, **expectation):
    study = Calibration(
        test="t",
        candidates=(candidate(100, limit, 0.2),),
        chosen=100,
        proposal=Expectation(steps=100, max_loss=limit.max_loss, **expectation),
    )
    return lines_of(study, 200)[-1]


def test_the_sentence_about_false_alarms_names_what_it_rests_on():
    assert said_of(bound(0.1)) == (
        "a fresh start exceeds max_loss in about 0.1 % of cases, whatever its distribution in at "
        "most 4.8 %"
    )
    assert said_of(bound(0.1, "largest", 1 / 21)) == (
        "a fresh start exceeds max_loss in at most 4.8 % of cases"
    )
    # Of 23 starts, each of the three is the largest as often as each of the twenty.
    assert said_of(bound(0.1, rate=0.001), seeds=3) == (
        "one of 3 fresh starts exceeds max_loss in about 0.3 % of cases, whatever its distribution "
        "in at most 13 %"
    )


def test_where_nothing_can_be_proposed_it_says_so():
    study = Calibration(test="t", candidates=(candidate(50, None),))
    assert lines_of(study)[-1] == (
        "nothing to propose: starts that are not finite, or as good as untrained"
    )
    assert not any("pytest.mark" in line for line in lines_of(study))


def test_a_gate_that_fails_unchanged_starts_is_named():
    failing = dataclasses.replace(
        candidate(50, bound(0.2), 1.0, 1.0), red=0.4, gates=("metric-out-of-bounds",)
    )
    study = Calibration(test="t", candidates=(failing,), present=1.0)
    assert lines_of(study, 120)[-3:] == [
        "nothing to propose: with every bound unchanged starts fail by another gate",
        "as it is, the test fails 100 % of these starts",
        "50 steps: 40 % of these starts fail all the same by metric-out-of-bounds",
    ]


def test_where_no_bound_sees_half_the_rate_it_says_so():
    study = dataclasses.replace(
        STUDY,
        candidates=(candidate(100, bound(0.2), 0.1, 0.2), candidate(200, bound(0.1), 0.1, 0.35)),
        target="learning rate x 0.5",
    )
    said = " ".join(lines_of(study, 200))
    assert (
        "no bound sees learning rate x 0.5 in 95 % of the runs, the most is 35 % at 200 steps: "
        "baseline=True compares whole curves"
    ) in said
    assert "no bound sees" not in " ".join(
        lines_of(dataclasses.replace(STUDY, target="learning rate x 0.5"))
    )


def test_it_crosses_to_another_process():
    assert study_from(study_to_dict(STUDY)) == STUDY
