"""`converge compare`: how the baselines of one place differ from those of another."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_converge.baselines.gate.comparison import compare_scores
from pytest_converge.baselines.gate.decision import decide_all
from pytest_converge.baselines.gate.identity import data_changes, setting_changes, unknown
from pytest_converge.command.baseline_files import find_files, read_all
from pytest_converge.command.terminal import Terminal
from pytest_converge.core.baseline import Baseline, EnvironmentChange
from pytest_converge.core.errors import invalid
from pytest_converge.report.baseline_tables import comparison_lines

__all__ = ["DESCRIPTION", "add_arguments", "compare"]

DESCRIPTION = """\
Compare two baseline files, or all baselines of two folders: settings, data,
environment, accepted reason, curves and median scores. Files are compared
training by training, whatever their tests are called; folders test by test.
Runs of a failed comparison, kept as .obtained, are compared like a baseline.

Where both have the same seeds and settings, B is judged as an update of A would
be: by the gate of a test with its default tolerance and alpha, over all runs.
p is the exact one-sided probability (Mann-Whitney) that all runs of unchanged
code would look as much worse, beyond the tolerance, as those of B beside A.

exit codes:
  0  everything was compared
  1  a training is in A or B only, or has other settings, so that it is no
     longer the same task
  2  a file or a path could not be read
"""

#: The default of `--converge-tolerance`: files do not tell which one a test has.
TOLERANCE = 0.05

_Key = tuple[str, int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line of `converge compare` takes."""
    for name, text in (("A", "a baseline file or a folder"), ("B", "what it is compared with")):
        parser.add_argument(name.lower(), metavar=name, type=Path, help=text)
    parser.add_argument(
        "--changed",
        action="store_true",
        help="leave out trainings whose runs, settings and data are the same",
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
    return old.runs != new.runs or bool(_data_changes(old, new)) or not _same_task(old, new)


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
    logarithmic = len(old.runs[0].scores) > 1
    parts = compare_scores(old.runs, new.runs, tolerance=TOLERANCE, logarithmic=logarithmic)
    p_values = [part.p_worse() for part in parts]
    verdict = None
    if _are_of_one_training(old, new):
        verdict = decide_all(old.runs, new.runs, tolerance=TOLERANCE, logarithmic=logarithmic)
    terminal.write(
        comparison_lines(
            old,
            new,
            p_values,
            verdict,
            data=_data_changes(old, new),
            width=terminal.width,
            unicode=terminal.unicode,
        )
    )
    return _same_task(old, new)


def _same_task(old: Baseline, new: Baseline) -> bool:
    """As the gate has it: what one file does not tell is no difference."""
    return not setting_changes(old.settings, new.settings, old.data, new.data)


def _data_changes(old: Baseline, new: Baseline) -> tuple[EnvironmentChange, ...] | None:
    """How the rows differ; None where one of them does not tell, or not as much."""
    for first, second in ((old.data, new.data), (new.data, old.data)):
        if unknown({}, {}, first, second):
            return None
    return data_changes(old.data, new.data)


def _are_of_one_training(old: Baseline, new: Baseline) -> bool:
    """Whether the gate can judge one by the other: the same seeds and settings."""
    seeds = [[run.seed for run in item.runs] for item in (old, new)]
    return _same_task(old, new) and seeds[0] == seeds[1]
