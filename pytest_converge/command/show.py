"""`converge show`: the curves and scores of baselines."""

from __future__ import annotations

import argparse

from pytest_converge.command.baseline_files import add_paths, find_files, read_all
from pytest_converge.command.terminal import Terminal
from pytest_converge.report.baseline_tables import baseline_lines

__all__ = ["DESCRIPTION", "add_arguments", "show"]

DESCRIPTION = """\
Show what recorded baselines hold: the median loss curve of their runs, and the
median, lowest and highest of their scores: the geometric mean of the batch
losses over the whole curve, and that over its last half. A baseline of a metric
has its value instead, negated where higher is better. Losses that are not
finite count as infinite.

exit codes:
  0  all files were shown
  2  a file or a path could not be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line of `converge show` takes."""
    add_paths(parser, "baseline files, or folders to look through")
    parser.add_argument("--seeds", action="store_true", help="also show every run in a row")


def show(options: argparse.Namespace, terminal: Terminal) -> int:
    """Show the baselines below the given paths.

    Returns:
        The exit code.

    Raises:
        InvalidTrainingError: a path does not exist.
    """
    found, sound = read_all(find_files(options.paths).baselines, terminal)
    if not found and sound:
        terminal.say("no baselines")
    for index, training in enumerate(item for items in found.values() for item in items):
        if index:
            terminal.say()
        terminal.write(
            baseline_lines(
                training, width=terminal.width, unicode=terminal.unicode, seeds=options.seeds
            )
        )
    return 0 if sound else 2
