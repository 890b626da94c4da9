"""Fixtures of the whole suite."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

# Whatever an inner session is the first to import, it also forgets. So that all of them share one
# copy of each module, they are imported here: Hypothesis too, whose plugin imports it at the end of
# every session, which takes seconds where pytest has no bytecode of it.
import hypothesis  # noqa: F401
import pytest

import pytest_converge.plugin
import pytest_converge.plugin.converge_fixture
import pytest_converge.plugin.xdist
from pytest_converge.core.guard import STRICT
from pytest_converge.plugin.outputs import SUMMARY_VARIABLE
from tests.published_schema import validate_reports

pytest_plugins = ["pytester"]

# Guarded measurements raise here, inner sessions and subprocesses included.
os.environ[STRICT] = "1"

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def tensorflow_loaded() -> None:
    """Import TensorFlow before pytester does.

    It forgets what an inner session imported, and TensorFlow cannot be imported twice.
    """
    for module in pkgutil.walk_packages(pytest_converge.__path__, "pytest_converge."):
        importlib.import_module(module.name)


@pytest.fixture(autouse=True)
def outside_of_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inner sessions add nothing to the reports of the job that runs the suite."""
    for name in ("GITHUB_ACTIONS", SUMMARY_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pytester(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.Pytester]:
    """A pytester whose inner sessions have the plugin, installed or not.

    Each JSON report that they leave has to be one by the published schema.
    """
    if not metadata.entry_points(group="pytest11", name="converge"):
        # The environment reaches subprocesses and xdist's workers too.
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_converge.plugin")
    yield pytester
    validate_reports(pytester.path)
