"""The root of the package: what it exports, and what holds for all of it."""

from __future__ import annotations

import ast
import importlib
from importlib import metadata
from pathlib import Path

import pytest

import pytest_converge


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
