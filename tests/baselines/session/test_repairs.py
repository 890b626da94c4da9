"""A repair is judged by the runs that are recorded of its test."""

from __future__ import annotations

import math

import pytest

from pytest_converge.baselines.session.baseline_gate import BaselineGate
from pytest_converge.baselines.session.repairs import RepairGate
from pytest_converge.core.baseline import BaselinePolicy
from tests.baselines.session.sessions import HERE, Machine, ask, subject


class AsTheyAre:
    """Records that are stored runs already."""

    def scored(self, record):
        return record


@pytest.fixture
def repaired(tmp_path):
    ask(tmp_path, Machine(), mode="new")
    policy = BaselinePolicy(test_file=str(tmp_path / "test_models.py"))
    return RepairGate(BaselineGate.open(policy, subject()), AsTheyAre(), HERE)


@pytest.mark.parametrize(
    ("level", "code", "far"),
    [
        (0.0, "", False),
        (-1.0, "", False),
        (0.04, "", False),
        (math.log(5), "worse-than-baseline", True),
    ],
)
def test_runs_are_compared_with_the_recorded_ones(repaired, level, code, far):
    machine = Machine(level=level)
    assert (repaired.code(machine), repaired.fails(machine)) == (code, bool(code))
    assert repaired.is_far_worse(machine(0)) is far


def test_a_run_that_is_not_finite_is_far_worse(repaired):
    assert repaired.is_far_worse(Machine(broken=(0,))(0))


def test_nothing_is_recorded_by_it(repaired, tmp_path):
    (path,) = tmp_path.glob("__converge__/*/*.json")
    before = path.read_bytes()
    repaired.code(Machine(level=1.0))
    assert path.read_bytes() == before
