"""Gate: the model is better than the best constant prediction."""

from __future__ import annotations

import math

import pytest

from pytest_converge.checks.skill import skill_suffices
from pytest_converge.core.expectation import Expectation
from tests.checks.curves import record_of


@pytest.mark.parametrize(
    ("last", "constant", "demanded", "passes"),
    [
        (2.0, 4.0, 0.5, True),
        (2.0 + 1e-6, 4.0, 0.5, False),
        (4.0, 4.0, 0.0, True),
        (4.0 + 1e-6, 4.0, 0.0, False),
        (0.0, 4.0, 1.0, True),
        (math.nan, 4.0, 0.0, False),
        (1.0, None, 0.0, False),
        (1.0, 0.0, 0.0, False),
        (1.0, None, None, True),
        (9.0, 4.0, None, True),
    ],
)
def test_the_demand_belongs_to_the_good_side(last, constant, demanded, passes):
    record = record_of([5.0, last], constant_loss=constant)
    assert (skill_suffices(record, Expectation(min_skill=demanded)) is None) == passes


@pytest.mark.parametrize(
    ("last", "constant", "message"),
    [
        (3.0, 4.0, "skill 0.25 over the best constant prediction (loss 4.000), min_skill=0.5"),
        (3.0, None, "the skill is not known, min_skill=0.5"),
        (math.nan, 4.0, "the skill is not known, min_skill=0.5"),
    ],
)
def test_what_is_said(last, constant, message):
    record = record_of([5.0, last], constant_loss=constant)
    finding = skill_suffices(record, Expectation(min_skill=0.5))
    assert (finding.code, finding.fails, finding.message) == ("skill-too-low", True, message)
    skill = pytest.approx(record.skill, nan_ok=True)
    assert finding.evidence == {"skill": skill, "constant_loss": constant, "min_skill": 0.5}
