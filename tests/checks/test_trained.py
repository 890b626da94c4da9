"""Gate: something was trained."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_converge.checks.trained import something_is_trained
from pytest_converge.core.expectation import Expectation
from tests.checks.curves import record_of_batches


def found(changed, *norms):
    record = record_of_batches([0.5] * 3, variables_changed=changed)
    curve = dataclasses.replace(record.curve, gradient_norm=norms)
    return something_is_trained(dataclasses.replace(record, curve=curve), Expectation(max_loss=1.0))


@pytest.mark.parametrize(
    ("changed", "norms", "passes"),
    [
        (True, (1.0, 1.0, 1.0), True),
        (True, (), True),
        (None, (), True),
        (False, (0.0, 0.0, 0.0), True),
        (False, (0.0, 1e-30, 0.0), False),
        (False, (1.0, 1.0, 1.0), False),
        (False, (), False),
    ],
)
def test_nothing_changes_only_where_the_loss_is_stationary(changed, norms, passes):
    assert (found(changed, *norms) is None) == passes


def test_what_is_said():
    finding = found(False)
    assert (finding.code, finding.fails) == ("nothing-trained", True)
    assert finding.message == "no trained variable changed in 3 steps, and no gradient was seen"
    assert finding.evidence == {"steps": 3, "largest_gradient": None}
    said = "no trained variable changed in 3 steps, and the gradient was not 0"
    assert found(False, 0.0, 2.0, 1.0).message == said
