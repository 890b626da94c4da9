"""The ids of all tests that a suite has, as pytest collects them.

This module is also the plugin that writes them down, in the process of that pytest: what its
terminal shows depends on the configuration of the suite, and leaves out deselected tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_converge.core.errors import InvalidTrainingError, complaint

__all__ = ["collected_by_pytest", "collected_in", "pytest_itemcollected"]

#: Tells the plugin where to write; set for the subprocess alone.
VARIABLE = "PYTEST_CONVERGE_INVENTORY"


def collected_by_pytest(paths: Sequence[Path]) -> frozenset[str]:
    """The ids of the tests in these files, deselected ones included.

    Raises:
        InvalidTrainingError: the tests cannot be collected.
    """
    with tempfile.TemporaryDirectory() as folder:
        inventory = Path(folder) / "collected"
        inventory.touch()
        done = subprocess.run(  # noqa: S603 - pytest, with paths that exist
            [
                sys.executable,
                "-m",
                "pytest",
                "--collect-only",
                "-q",
                "-p",
                __name__,
                *map(str, paths),
            ],
            env={**os.environ, VARIABLE: str(inventory)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        found = frozenset(map(json.loads, inventory.read_text(encoding="ascii").splitlines()))
    # 5: nothing is left after deselection, or there is nothing.
    if done.returncode not in (0, 5):
        said = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        given = f"exit code {done.returncode} of pytest --collect-only ({said[-1]})"
        remedy = "Without all tests nobody knows what is stale: run pytest --collect-only."
        raise InvalidTrainingError(complaint(given, "tests that can be collected", remedy))
    return found


def collected_in(text: str) -> frozenset[str]:
    """The ids in the output of `pytest --collect-only -q`."""
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if "::" in line)


def pytest_itemcollected(item: Any) -> None:
    """Write down the id of a test; called for each before any is deselected."""
    with Path(os.environ[VARIABLE]).open("a", encoding="ascii") as file:
        file.write(json.dumps(item.nodeid) + "\n")
