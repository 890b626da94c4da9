"""Every value of the core is frozen, slotted and made by keywords."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import pytest

import pytest_converge.core

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
