"""Frozen layers that others are trained towards."""

from __future__ import annotations

import pytest

from pytest_converge.training.measures.computation import computation
from tests.training.measures.steps import taught
from tests.zoo.trainings import training_of


@pytest.mark.parametrize("options", [{}, {"frozen_body": True}])
def test_a_teacher_is_a_reference(options):
    seen = computation(training_of(taught(**options)))
    assert set(seen.references) == {"teacher", "teacher/answer"}


@pytest.mark.parametrize(
    "options",
    [{"takes": "sum"}, {"takes": "input"}, {"takes": "body"}, {"teacher_trained": True}],
    ids=["part of the answer", "fed to others", "fed by others", "trained"],
)
def test_a_frozen_part_of_the_model_is_none(options):
    assert computation(training_of(taught(**options))).references == ()
