"""`converge compare`: how the baselines of one place differ from those of another."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_converge.baselines.gate.decision import decide_all
from pytest_converge.baselines.gate.ranks import mann_whitney_p
from pytest_converge.command.baseline_files import find_files, read_all
from pytest_converge.command.terminal import Terminal
from pytest_converge.core.baseline import Baseline, BaselineVerdict
from pytest_converge.core.errors import invalid
from pytest_converge.report.baseline_tables import comparison_lines

__all__ = ["DESCRIPTION", "add_arguments", "compare"]

DESCRIPTION = """\
Compare two baseline files, or all baselines of two folders: settings,
environment, curves and median scores. Files are compared training by training,
whatever their tests are called; folders test by test.

Where both have the same seeds and settings, B is judged as an update of A would
be: by the gate of a test with its default tolerance and alpha, over all runs.
Elsewhere p is the exact one-sided probability (Mann-Whitney) that runs of
unchanged code would look as much worse as those of B do beside those of A.

exit codes:
  0  everything was compared
  1  a training is in A or B only, or has other settings, so that it is no
     longer the same task
  2  a file or a path could not be read
"""

_Key = tuple[str, int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line of `converge compare` takes."""
    for name, text in (("A", "a baseline file or a folder"), ("B", "what it is compared with")):
        parser.add_argument(name.lower(), metavar=name, type=Path, help=text)
    parser.add_argument(
        "--changed",
        action="store_true",
        help="leave out trainings whose runs and settings are the same",
    )


def compare(options: argparse.Namespace, terminal: Terminal) -> int:
    """Compare the baselines of two paths.

    Returns:
        The exit code.

    Raises:
        InvalidTrainingError: a path does not exist, or one is a file and one is a folder.
    """
    a, b = options.a, options.b
    kinds = [path.is_dir() for path in (a, b) if path.exists()]
    if len(set(kinds)) == 2:
        given = f"{a} and {b}, a file and a folder"
        remedy = "Name the file in that folder."
        raise invalid(given, "two files or two folders", remedy)
    by_test = all(kinds)
    (old, sound), (new, also_sound) = (_trainings(path, by_test, terminal) for path in (a, b))
    pairs = [(old.get(key), new.get(key)) for key in sorted({*old, *new})]
    if options.changed:
        pairs = [pair for pair in pairs if _changed(*pair)]
    if not pairs and sound and also_sound:
        terminal.say("no differences" if old else "no baselines")
    alike = True
    for index, pair in enumerate(pairs):
        if index:
            terminal.say()
        alike &= _compare(*pair, terminal)
    if not sound or not also_sound:
        return 2
    return 0 if alike else 1


def _trainings(path: Path, by_test: bool, terminal: Terminal) -> tuple[dict[_Key, Baseline], bool]:
    """The trainings of a path by their test, which does not count between two files."""
    found, sound = read_all(find_files([path]).baselines, terminal)
    trainings = (training for items in found.values() for training in items)
    return {(item.test if by_test else "", item.number): item for item in trainings}, sound


def _changed(old: Baseline | None, new: Baseline | None) -> bool:
    if old is None or new is None:
        return True
    return old.runs != new.runs or old.settings != new.settings


def _compare(old: Baseline | None, new: Baseline | None, terminal: Terminal) -> bool:
    """Show one comparison; False where it has no two sides of the same kind."""
    if old is None or new is None:
        side, only = ("A", old) if new is None else ("B", new)
        # Keys come from either side, so that one is there.
        name = f"{only.test} #{only.number}" if only is not None else ""
        terminal.say(f"only in {side}: {name}")
        return False
    if len(old.runs[0].scores) != len(new.runs[0].scores):
        terminal.say(f"{old.test} #{old.number}: a metric on one side, losses on the other")
        return False
    verdict = _verdict(old, new)
    p_values = verdict.p_values if verdict else _p_values(old, new)
    terminal.write(
        comparison_lines(
            old, new, p_values, verdict, width=terminal.width, unicode=terminal.unicode
        )
    )
    return old.settings == new.settings


def _verdict(old: Baseline, new: Baseline) -> BaselineVerdict | None:
    """What the gate says of the other runs; None where they are no runs of the same training."""
    seeds = [[run.seed for run in item.runs] for item in (old, new)]
    if old.settings != new.settings or seeds[0] != seeds[1]:
        return None
    return decide_all(old.runs, new.runs, logarithmic=len(old.runs[0].scores) > 1)


def _p_values(old: Baseline, new: Baseline) -> tuple[float, ...]:
    pairs = zip(_columns(old), _columns(new), strict=True)
    return tuple(mann_whitney_p(worse, baseline) for baseline, worse in pairs)


def _columns(training: Baseline) -> list[tuple[float, ...]]:
    return list(zip(*(run.scores for run in training.runs), strict=True))
