"""The root of the package: what it exports, and what holds for all of it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import typing
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import pytest_converge
from pytest_converge.report.studies import study_kinds


def test_every_exported_name_is_there() -> None:
    assert pytest_converge.__all__ == sorted(pytest_converge.__all__)
    for name in pytest_converge.__all__:
        assert getattr(pytest_converge, name) is not None
    assert set(pytest_converge.__all__) <= set(dir(pytest_converge))


def test_everything_that_type_checkers_see_is_exported() -> None:
    tree = ast.parse(Path(pytest_converge.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {"__version__"}
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                seen.add(alias.name)
                assert getattr(pytest_converge, alias.name) is getattr(module, alias.name)
    assert seen == set(pytest_converge.__all__)


def classes_in(hint: Any) -> Iterator[type]:
    """The classes of the package that an annotation names."""
    if inspect.isclass(hint) and hint.__module__.startswith("pytest_converge."):
        yield hint
    for part in typing.get_args(hint):
        yield from classes_in(part)


def classes_met(kind: type) -> set[type]:
    """The classes of what a class's fields and properties hold, and its methods return."""
    hints = list(typing.get_type_hints(kind).values()) if dataclasses.is_dataclass(kind) else []
    for name, member in inspect.getmembers(kind):
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function) and not name.startswith("_"):
            namespace = {**typing.__dict__, "Unpack": typing.Optional, "ExpectationArguments": int}
            hints.append(typing.get_type_hints(function, localns=namespace).get("return"))
    return {each for hint in hints for each in classes_in(hint)}


def test_every_class_that_a_user_meets_is_exported() -> None:
    exported = {name: getattr(pytest_converge, name) for name in pytest_converge.__all__}
    waiting = [value for value in exported.values() if inspect.isclass(value)]
    waiting += study_kinds()
    met: set[type] = set()
    while waiting:
        kind = waiting.pop()
        waiting += classes_met(kind) - met
        met.add(kind)
    assert len(met) > 30
    assert {kind.__name__ for kind in met} - exported.keys() == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = pytest_converge.nonsense


def test_the_version_is_that_of_the_distribution() -> None:
    try:
        expected = metadata.version("pytest-converge")
    except metadata.PackageNotFoundError:
        expected = "0+unknown"
    assert pytest_converge.__version__ == expected


def test_no_assert_reaches_a_user() -> None:
    for path in Path(pytest_converge.__file__).parent.rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        assert not [node.lineno for node in nodes if isinstance(node, ast.Assert)], path
