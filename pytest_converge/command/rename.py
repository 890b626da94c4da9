"""`converge rename`: the baseline of a test that has another name now."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from pathlib import Path

from pytest_converge.baselines.files.errors import BaselineFileError, MissingBaselineError
from pytest_converge.baselines.files.paths import path_of_test
from pytest_converge.baselines.files.store import load, read, save
from pytest_converge.command.baseline_files import find_files, remove_empty
from pytest_converge.command.terminal import Terminal
from pytest_converge.core.errors import InvalidTrainingError, invalid
from pytest_converge.core.numbers import listed

__all__ = ["DESCRIPTION", "add_arguments", "rename"]

DESCRIPTION = """\
Give the baseline of a test to the test that it has become: the file is written
under the new id, with the same runs, and the old one is removed. Run it in the
folder that the ids start from, pytest's rootdir.

The seed of a test follows from its id unless it is stated. What to state, so
that the starts are those that were recorded, is printed.

exit codes:
  0  renamed
  2  there is no baseline of OLD, one of NEW, or a file could not be written
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line of `converge rename` takes."""
    parser.add_argument("old", metavar="OLD", help="the id that the test had")
    parser.add_argument("new", metavar="NEW", help="the id that it has now")


def rename(options: argparse.Namespace, terminal: Terminal) -> int:
    """Move the baseline of a test to another test.

    Returns:
        The exit code.

    Raises:
        InvalidTrainingError: an id names no test, there is no baseline of the old one or one of
            the new one, or a file cannot be used.
    """
    for test in (options.old, options.new):
        if "::" not in test:
            remedy = "Take them from pytest --collect-only -q."
            raise invalid(f"the id {test!r}", "the id of a test, as test_a.py::test_b", remedy)
    old, new = path_of_test(options.old), path_of_test(options.new)
    if new.exists():
        remedy = f"Remove {new} first, if it is not the one to keep."
        raise invalid(f"a baseline of {options.new}", "none", remedy)
    try:
        trainings = load(old, options.old)
    except MissingBaselineError:
        raise _no_baseline(options.old) from None
    save(new, [dataclasses.replace(training, test=options.new) for training in trainings])
    old.unlink()
    remove_empty([old.parent])
    terminal.say(f"{old} -> {new}")
    seeds = dict.fromkeys(training.settings.get("seed") for training in trainings)
    for seed in seeds:
        if seed is not None:
            terminal.say(f"unless the test states its seed: @pytest.mark.converges(seed={seed})")
    return 0


def _no_baseline(test: str) -> InvalidTrainingError:
    """Whose baselines there are instead: the old test is gone, so none can be recorded."""
    tests: set[str] = set()
    for path in find_files([Path()]).baselines:
        with contextlib.suppress(BaselineFileError):  # it cannot be renamed either
            tests.add(read(path)[0].test)
    remedy = (
        f"There are: {listed(sorted(tests))}." if tests else "There are none below this folder."
    )
    return invalid(f"{test}, which has no baseline", "a test that has one", remedy)
