"""`converge prune`: baselines that no test reads any more.

This module is also the plugin that writes down which tests there are, in the process of the pytest
that collects them: what its terminal shows depends on the configuration of the suite, and leaves
out deselected tests.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_converge.baselines.files.paths import baseline_path
from pytest_converge.command.baseline_files import (
    add_paths,
    find_files,
    read_all,
    remove_empty,
)
from pytest_converge.command.terminal import Terminal
from pytest_converge.core.errors import invalid
from pytest_converge.core.numbers import counted

__all__ = ["DESCRIPTION", "add_arguments", "prune", "pytest_itemcollected"]

DESCRIPTION = """\
List the baselines that no test reads any more: their test file is gone, pytest
collects their test no longer, or they lie where no test looks. Temporary files
of killed writers are listed too.

To know the tests, pytest --collect-only is run on the test files concerned;
deselected tests count. A test file from which nothing is collected, such as one
that skips itself on this machine, is not judged.

Nothing is deleted without --delete; files that cannot be read never are.

exit codes:
  0  nothing is stale, or all of it was deleted
  1  something is stale
  2  a file could not be read or deleted, or the tests could not be collected
"""

#: Seconds after which a temporary file is no longer being written: a save takes milliseconds.
SETTLED = 600.0
#: Tells the plugin where to write; set for the subprocess alone.
VARIABLE = "PYTEST_CONVERGE_INVENTORY"


class _Recorded(NamedTuple):
    """A baseline's file, the test that it belongs to, and the file where that test stood."""

    path: Path
    test: str
    test_file: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line of `converge prune` takes."""
    add_paths(parser, "folders to look through, or baseline files")
    parser.add_argument(
        "--collected",
        metavar="FILE",
        help="take the tests from FILE, the output of pytest --collect-only -q (- for the "
        "standard input), in place of running pytest",
    )
    parser.add_argument("--delete", action="store_true", help="delete what is listed")


def prune(options: argparse.Namespace, terminal: Terminal) -> int:
    """List stale files, and delete them if asked to.

    Returns:
        The exit code.

    Raises:
        InvalidTrainingError: a path does not exist, or the tests are not known.
    """
    found = find_files(options.paths)
    trainings, sound = read_all(found.baselines, terminal)
    recorded = [_recorded(path, items[0].test) for path, items in trainings.items()]
    stale = {item.path: reason for item in recorded if (reason := _misplaced(item))}
    placed = [item for item in recorded if item.path not in stale]
    stale |= _uncollected(placed, options.collected, terminal)
    stale |= {path: "left by a killed writer" for path in found.leftovers if _is_settled(path)}
    for path, reason in sorted(stale.items()):
        terminal.say(f"{path}: {reason}")
    if not stale:
        terminal.say(f"nothing is stale among {counted(len(recorded), 'baseline')}")
        return 0 if sound else 2
    files = counted(len(stale), "stale file")
    if not options.delete:
        terminal.say(f"{files}; --delete removes what is listed")
        return 1 if sound else 2
    deleted = _delete(stale, terminal)
    terminal.say(f"deleted {deleted} of {files}")
    return 0 if sound and deleted == len(stale) else 2


def _recorded(path: Path, test: str) -> _Recorded:
    # Not parents[i], which fails for a file in the root folder.
    folder = path.absolute().parent.parent.parent
    return _Recorded(path, test, folder / Path(test.partition("::")[0]).name)


def _misplaced(item: _Recorded) -> str:
    """Why no test can read a file, whatever tests there are; empty where one may."""
    if item.path.absolute() != baseline_path(item.test_file.parent, item.test_file, item.test):
        return f"not where {item.test} looks for it"
    return "" if item.test_file.is_file() else f"{item.test_file.name} is gone"


def _uncollected(
    recorded: Sequence[_Recorded], listed: str | None, terminal: Terminal
) -> dict[Path, str]:
    """The files whose test is not collected, though others of its file are."""
    if not recorded:
        return {}
    if listed is not None:
        tests = _collected_in(_text(listed))
    else:
        tests = _collected_by_pytest(sorted({item.test_file for item in recorded}))
    files = {test.partition("::")[0] for test in tests}
    judged = [item for item in recorded if item.test.partition("::")[0] in files]
    for name in sorted({item.test.partition("::")[0] for item in recorded} - files):
        terminal.say(f"not judged: {name}, from which no test was collected")
    return {
        item.path: f"{item.test} is collected no longer"
        for item in judged
        if item.test not in tests
    }


def _collected_by_pytest(paths: Sequence[Path]) -> frozenset[str]:
    """The ids of the tests in these files, deselected ones included.

    Raises:
        InvalidTrainingError: the tests cannot be collected.
    """
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", __name__]
    with tempfile.TemporaryDirectory() as folder:
        inventory = Path(folder) / "collected"
        inventory.touch()
        done = subprocess.run(  # noqa: S603 - pytest, with paths that exist
            [*command, *map(str, paths)],
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
        raise invalid(given, "tests that can be collected", remedy)
    return found


def _collected_in(text: str) -> frozenset[str]:
    """The ids in the output of `pytest --collect-only -q`."""
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if "::" in line)


def _text(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        given = f"--collected={name} ({error})"
        remedy = "Write it with pytest --collect-only -q > FILE."
        raise invalid(given, "a text file", remedy) from None


def _is_settled(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat(follow_symlinks=False).st_mtime > SETTLED
    return False


def _delete(stale: Mapping[Path, str], terminal: Terminal) -> int:
    """Delete the files, and the folders that are empty then; how many were deleted."""
    deleted = 0
    for path in stale:
        try:
            path.unlink()
        except OSError as error:
            terminal.complain(f"{path} stays: {error.strerror or error}")
        else:
            deleted += 1
    remove_empty(path.parent for path in stale)
    return deleted


def pytest_itemcollected(item: Any) -> None:
    """Write down the id of a test; called for each before any is deselected."""
    with Path(os.environ[VARIABLE]).open("a", encoding="ascii") as file:
        file.write(json.dumps(item.nodeid) + "\n")
