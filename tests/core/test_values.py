"""Every value of the core is frozen, slotted and made by keywords."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
from pathlib import Path

import pytest

import pytest_converge.core

CORE = "pytest_converge.core."
MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.iter_modules(pytest_converge.core.__path__, "pytest_converge.core.")
]
VALUES = [
    value
    for module in MODULES
    for value in vars(module).values()
    if dataclasses.is_dataclass(value) and value.__module__ == module.__name__
]


def test_there_are_values():
    assert len(VALUES) >= 6


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_a_value_is_frozen_slotted_and_keyword_only(value):
    assert value.__dataclass_params__.frozen
    assert "__slots__" in vars(value)
    assert all(field.kw_only for field in dataclasses.fields(value))


def test_no_module_of_the_core_needs_itself():
    needs = {
        path.stem: set(_needed(path)) for path in Path(*pytest_converge.core.__path__).glob("*.py")
    }
    while free := {name for name, needed in needs.items() if not needed & needs.keys()}:
        needs = {name: needed for name, needed in needs.items() if name not in free}
    assert needs == {}, "these import each other in a circle, annotations included"


def _needed(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(CORE):
            yield node.module.removeprefix(CORE)
