"""The text of a baseline's file: written the same for the same values, and read strictly.

It is JSON in a fixed order, so that a change of one thing is a change of few lines, and the lines
that a reviewer wants come first; see `layout`. Numbers have nine significant digits, which tell any
two float32 values apart; those that are not finite are the strings "NaN", "Infinity" and
"-Infinity". There is no date, and ASCII is all there is. The second line is a checksum of the
others:

    grep -v '^  "checksum": ' FILE | sha256sum
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from pytest_converge.baselines.files import layout, older_layout
from pytest_converge.baselines.files.errors import DefectError
from pytest_converge.baselines.files.schema import JOINED, SCHEMA_VERSION, trainings_of
from pytest_converge.core.baseline import Baseline
from pytest_converge.core.errors import invalid, shown

__all__ = ["dumps", "loads"]

#: Digits of an integer; 64 bits need 19, and Python refuses thousands.
INTEGER_LENGTH = 20
#: What git, Mercurial and merge(1) write at the start of a line: git-scm.com/docs/git-merge.
MARKER = re.compile(r"^(<{7}|\|{7}|={7}|>{7})( |\r?$)", re.MULTILINE)
MERGE = (
    "Two sides of a baseline cannot be merged: take one side (git checkout --theirs FILE), then "
    "record what the merged code does: {update}"
)


def dumps(trainings: Sequence[Baseline], version: int = SCHEMA_VERSION) -> str:
    """The text of a file that holds the trainings of one test, in the order of their numbers.

    Numbers are rounded to nine digits: `loads` gives them back as they stand in the text.

    Args:
        trainings: at least one.
        version: of the layout; only the newest is ever written.

    Raises:
        InvalidTrainingError: a setting is a number that is not finite, or the trainings belong to
            several tests.
    """
    tests = {training.test for training in trainings}
    if len(tests) != 1:
        given = f"trainings of {len(tests)} tests for one file"
        raise invalid(given, "those of one test", "Write a file for each.")
    test, ordered = tests.pop(), sorted(trainings, key=lambda item: item.number)
    if version > JOINED:
        found = list(layout.lines_of(layout.document_of(test, ordered, version)))
    else:
        found = list(older_layout.lines_of(older_layout.document_of(test, ordered, version)))
    opening, *lines = [*found, ""]
    return "\n".join([opening, _checksum_line([opening, *lines]), *lines])


def loads(data: bytes, test: str = "", *, whole: bool = True) -> tuple[Baseline, ...]:
    """The trainings of a file, in the order of their numbers.

    Args:
        data: the content of the file.
        test: the id of the test that it must belong to; empty for any.
        whole: False where a training may have fewer runs than a baseline.

    Raises:
        DefectError: something is wrong; it says what, and where.
    """
    try:
        # The line ends of Windows, which git may have put in, do not count.
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DefectError(f"that is not UTF-8 (byte {error.start})") from None
    parsed = _parsed(text)
    trainings = trainings_of(parsed, whole=whole)
    if test and trainings[0].test != test:
        expected = "the file of the test that asks for it"
        raise DefectError(f"of the test {trainings[0].test}", expected)
    lines = text.split("\n")
    if lines[1:2] != [_checksum_line([*lines[:1], *lines[2:]])]:
        raise DefectError("whose checksum is not that of its text", "the text that was written")
    if dumps(trainings, parsed["schema_version"]) != text:
        raise DefectError(
            "whose text is not the one that its values give", "the text that was written"
        )
    return trainings


def _parsed(text: str) -> Any:
    """The value of a JSON text; what two readers could take differently is refused."""
    marker = MARKER.search(text)
    if marker is not None:
        line = text.count("\n", 0, marker.start()) + 1
        raise DefectError(f"with a merge conflict in line {line}", "one baseline", MERGE)
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refused_number,
            parse_float=_real,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise DefectError(f"that is no JSON ({error.msg}: {where})") from None
    except RecursionError:
        raise DefectError("that is nested without end") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DefectError(f"with the key {shown(twice)} twice")
    return values


def _real(literal: str) -> float:
    return value if math.isfinite(value := float(literal)) else _refused_number(literal)


def _integer(literal: str) -> int:
    return int(literal) if len(literal) <= INTEGER_LENGTH else _refused_number(literal[:30])


def _refused_number(literal: str) -> NoReturn:
    raise DefectError(f"with the number {literal}")


def _checksum_line(lines: Sequence[str]) -> str:
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return f'  "checksum": "sha256:{digest}",'
