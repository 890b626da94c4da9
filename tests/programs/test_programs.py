"""What holds for every small program: its curve is that of its own loop, and as it is it passes.

The sick variants are what `python -m benchmarks.programs` runs.
"""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.diagnosis.causes import every_cause
from tests.programs.table import PROGRAMS, STYLES

#: From Keras' reading of a learning rate, under the NumPy of today.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

#: Both loops do the same arithmetic; compiled graphs may sum in another order.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
COMPARED_STEPS = 10
#: What a comparison of curves expects of a training: nothing.
NOTHING = {"steps": COMPARED_STEPS, "max_loss": 1e9, "monotone": "off"}

#: The first of each style is always run.
FIRST = {each.style: each.name for each in reversed(PROGRAMS)}.values()
EVERY = pytest.mark.parametrize(
    "program",
    [
        pytest.param(each, id=each.name, marks=() if each.name in FIRST else pytest.mark.slow)
        for each in PROGRAMS
    ],
)


@EVERY
def test_the_curve_is_that_of_its_own_loop(converge, program):
    own = program.module.plain(program.started(0), COMPARED_STEPS)
    result = getattr(converge, program.verb)(**program.started(0), **NOTHING)
    assert len(own) == COMPARED_STEPS
    np.testing.assert_allclose(result.curve.batch_loss[:COMPARED_STEPS], own, **CLOSE)


@EVERY
def test_a_healthy_program_is_green(converge, program):
    arguments = program.arguments("healthy", 0)
    getattr(converge, program.verb)(**arguments, **program.expectation("healthy"))


def test_every_style_has_a_program():
    assert {program.style for program in PROGRAMS} == set(STYLES.values())


def test_faults_are_labelled_with_codes_of_causes():
    labels = {code for each in PROGRAMS for code in (each.module.CAUSE, *each.module.ALSO)}
    assert labels <= {*every_cause(), "unknown"}
