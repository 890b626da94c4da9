"""`converge history`: what the commits recorded for each training."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_converge.baselines.files.document import loads
from pytest_converge.baselines.files.errors import DefectError
from pytest_converge.baselines.gate.identity import data_changes, setting_changes
from pytest_converge.command.baseline_files import add_paths, find_files
from pytest_converge.command.file_versions import FileVersion, is_shallow, versions_of
from pytest_converge.command.terminal import Terminal
from pytest_converge.core.baseline import Baseline
from pytest_converge.core.baseline_history import BaselineHistory, RecordedVersion
from pytest_converge.core.errors import invalid
from pytest_converge.report.baseline_history import history_lines
from pytest_converge.report.figures import plot

__all__ = ["DESCRIPTION", "add_arguments", "history"]

DESCRIPTION = """\
Show what each commit recorded for a training: its scores and its last loss, the
median over the runs; how much worse or better the first score is than in the
version before; and why worse runs were accepted. Renamed files are followed. A
change that is not committed comes last.

exit codes:
  0  all histories were shown
  2  a file could not be read, lies in no git repository, or the picture could
     not be drawn
"""
#: Formats of a picture, by the suffix of its file.
SUFFIXES = (".png", ".svg", ".pdf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line of `converge history` takes."""
    add_paths(parser, "baseline files, or folders to look through")
    parser.add_argument(
        "--plot",
        metavar="FILE",
        type=Path,
        help="draw it to FILE (.png, .svg, .pdf), of several trainings each to a file of its "
        "own, numbered from the second on; needs the extra plots",
    )


def history(options: argparse.Namespace, terminal: Terminal) -> int:
    """Show the histories of the baselines below the given paths.

    Returns:
        The exit code.

    Raises:
        InvalidTrainingError: a path does not exist or lies in no repository, or the suffix of the
            picture is none that can be drawn.
    """
    picture = options.plot
    if picture is not None and picture.suffix not in SUFFIXES:
        remedy = "Write, for example, --plot history.png."
        raise invalid(f"--plot {picture}", f"a file with {' or '.join(SUFFIXES)}", remedy)
    found = find_files(options.paths).baselines
    if not found:
        terminal.say("no baselines")
    histories, sound = [], True
    for path in found:
        read = list(_histories(versions_of(path)))
        if not read:
            terminal.complain(f"{path} was never a baseline that can be read")
        sound = sound and bool(read)
        histories += read
    for index, each in enumerate(histories):
        if index:
            terminal.say()
        terminal.write(history_lines(each, width=terminal.width, unicode=terminal.unicode))
    if found and is_shallow(found[0].absolute().parent):
        terminal.complain("the clone is shallow, older commits are missing: git fetch --unshallow")
    if picture is not None:
        sound &= _draw(histories, picture, terminal)
    return 0 if sound else 2


def _draw(histories: Sequence[BaselineHistory], picture: Path, terminal: Terminal) -> bool:
    """Draws each to a file; False, and a complaint, where that fails."""
    for index, each in enumerate(histories, start=1):
        number = f"-{index}" if index > 1 else ""
        path = picture.with_name(f"{picture.stem}{number}{picture.suffix}")
        try:
            plot(each, path)
        except ImportError as error:
            terminal.complain(str(error))
            return False
        except OSError as error:
            terminal.complain(f"could not draw to {path}: {error.strerror}")
            return False
        terminal.say(f"drawn: {path}")
    return True


def _histories(versions: Sequence[FileVersion]) -> Iterator[BaselineHistory]:
    """The history of each training that a file ever held, under the latest id of its test."""
    read = [(version, *_read(version.content)) for version in versions]
    numbers = sorted({item.number for _, trainings, _ in read for item in trainings})
    for number in numbers:
        found: list[RecordedVersion] = []
        before: Baseline | None = None
        for version, trainings, problem in read:
            training = next((item for item in trainings if item.number == number), None)
            if training is None and not problem:
                continue  # another training of the test was there alone
            recorded = RecordedVersion(
                commit=version.commit, date=version.date, training=training, problem=problem
            )
            found.append(_compared(before, recorded))
            before = training or before
        if before is not None:
            yield BaselineHistory(test=before.test, number=number, versions=tuple(found))


def _read(content: bytes) -> tuple[tuple[Baseline, ...], str]:
    """The trainings of a version, or why it cannot be read."""
    try:
        return loads(content), ""
    except DefectError as defect:
        return (), f"a file {defect.text}"


def _compared(before: Baseline | None, version: RecordedVersion) -> RecordedVersion:
    """The version with what makes it another task than the one before."""
    now = version.training
    if before is None or now is None:
        return version
    changes = setting_changes(before.settings, now.settings, before.data, now.data)
    return dataclasses.replace(
        version,
        changed=tuple(change.name for change in changes),
        other_data=bool(data_changes(before.data, now.data)),
    )
