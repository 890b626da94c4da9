"""The registry of causes: one module a cause, found by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_converge.diagnosis.causes import every_cause, modules

HERE = Path(__file__).parent
MODULES = {module.__name__.rpartition(".")[2]: module for module in modules()}


def test_every_module_is_one_cause():
    assert list(every_cause()) == [name.replace("_", "-") for name in sorted(MODULES)]


@pytest.mark.parametrize("name", MODULES)
def test_a_cause_is_called_like_its_file_and_has_a_test(name):
    cause = MODULES[name].CAUSE
    assert cause.code == name.replace("_", "-")
    assert (HERE / f"test_{name}.py").is_file()
    assert cause.steps or "rate" in name


@pytest.mark.parametrize("name", MODULES)
def test_a_step_has_either_repairs_or_an_answer(name):
    for step in MODULES[name].CAUSE.steps:
        assert (step.repairs is None) != (step.answer is None), step.place
