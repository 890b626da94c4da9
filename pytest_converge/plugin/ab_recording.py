"""The session at another revision, which records the runs that the main session compares with.

It is told by an environment variable where to leave them, and by a file there which tests are
wanted. Beside the runs it leaves a report: which tests it has, which failed, and which modules
came from the working tree of the main session instead of its own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_converge.plugin import marker

__all__ = ["REPORT", "ROOT_VARIABLE", "WANTED", "OtherSide", "folder_to_record_in"]

#: The environment variable with the folder for the runs.
ROOT_VARIABLE = "PYTEST_CONVERGE_AB_ROOT"
#: The files in that folder: what is asked, and what is answered.
WANTED, REPORT = "wanted.json", "report.json"
#: Folders of installed packages, also of an environment within the repository.
INSTALLED = frozenset({"site-packages", "dist-packages"})


def folder_to_record_in() -> str:
    """Where this session leaves its runs; empty for a usual session."""
    return os.environ.get(ROOT_VARIABLE, "")


class OtherSide:
    """Runs the wanted tests alone, and reports what came of them.

    Args:
        root: the folder for the runs and the report.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        wanted = json.loads((root / WANTED).read_text(encoding="utf-8"))
        self._wanted = frozenset(wanted["tests"])
        self._original = Path(wanted["original"])
        self._found: list[str] = []
        self._failed: dict[str, str] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep the wanted convergence tests."""
        kept = [i for i in items if i.nodeid in self._wanted and marker.is_marked(i)]
        left = [item for item in items if item not in kept]
        self._found = [item.nodeid for item in items if item.nodeid in self._wanted]
        items[:] = kept
        if left:
            config.hook.pytest_deselected(items=left)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember why the tests of a module are not there."""
        if report.failed:
            self._failed[report.nodeid] = _last_line(str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember why a test failed."""
        if report.failed and report.nodeid not in self._failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = getattr(crash, "message", None) or str(report.longrepr)
            self._failed[report.nodeid] = text.partition("\n")[0]

    def pytest_sessionfinish(self) -> None:
        """Leave the report."""
        report: dict[str, Any] = {
            "failed": self._failed,
            "foreign": sorted(_modules_below(self._original, self._root)),
            "found": self._found,
        }
        (self._root / REPORT).write_text(json.dumps(report), encoding="utf-8")


def _modules_below(folder: Path, apart: Path) -> Iterator[str]:
    """The modules that were imported from a folder, without installed packages.

    Temporary folders may lie within the repository, so that `apart` is left out.
    """
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        path = Path(file).resolve()
        within = path.is_relative_to(folder) and not path.is_relative_to(apart)
        if within and INSTALLED.isdisjoint(path.parts):
            yield name


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("E   ").strip() if lines else ""
