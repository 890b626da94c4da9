"""The text of a baseline's file: written the same for the same values, and read strictly.

It is JSON with sorted keys, so that a change of one thing is a change of few lines: one line a
setting, one a run. Numbers have nine significant digits, which tell any two float32 values
apart; those that are not finite are the strings "NaN", "Infinity" and "-Infinity". There is no
date, and ASCII is all there is. The second line is a checksum of the others:

    grep -v '^  "checksum": ' FILE | sha256sum
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from pytest_converge.baselines.files.errors import DefectError
from pytest_converge.baselines.files.schema import (
    ADDED,
    NONFINITE,
    SCHEMA_VERSION,
    trainings_of,
)
from pytest_converge.baselines.gate.scores import DIGITS
from pytest_converge.core.baseline import Baseline, StoredRun
from pytest_converge.core.errors import invalid, shown

__all__ = ["dumps", "loads"]

#: Values nested deeper stand in one line: the runs of a training.
SPREAD_DEPTH = 4
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
    document = {
        "schema_version": version,
        "test": tests.pop(),
        "trainings": [
            _training(item, ADDED.get(version, frozenset()))
            for item in sorted(trainings, key=lambda item: item.number)
        ],
    }
    opening, *lines = [*_lines(document), ""]
    return "\n".join([opening, _checksum_line([opening, *lines]), *lines])


def loads(data: bytes, test: str = "") -> tuple[Baseline, ...]:
    """The trainings of a file, in the order of their numbers.

    Args:
        data: the content of the file.
        test: the id of the test that it must belong to; empty for any.

    Raises:
        DefectError: something is wrong; it says what, and where.
    """
    try:
        # The line ends of Windows, which git may have put in, do not count.
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DefectError(f"that is not UTF-8 (byte {error.start})") from None
    parsed = _parsed(text)
    trainings = trainings_of(parsed)
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


def _training(training: Baseline, unknown: Collection[str]) -> dict[str, Any]:
    values = {
        "commit": training.commit,
        "data": _facts(training.data),
        "environment": _facts(training.environment),
        "number": training.number,
        "reason": training.reason,
        "runs": [_run(run) for run in training.runs],
        "settings": _facts(training.settings),
    }
    return {name: value for name, value in values.items() if name not in unknown}


def _run(run: StoredRun) -> dict[str, Any]:
    values = run.to_dict()
    return {**values, **{name: list(map(_number, values[name])) for name in ("scores", "losses")}}


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in facts.items():
        if isinstance(value, float) and not math.isfinite(value):
            given, remedy = f"{name}={shown(value)}", "A baseline keeps no other."
            raise invalid(given, "a finite number", remedy)
    return {name: _number(v) if isinstance(v, float) else v for name, v in facts.items()}


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return float(f"{value:.{DIGITS}g}")
    return next(name for name, same in NONFINITE.items() if repr(same) == repr(value))


def _lines(value: Any, depth: int = 0) -> Iterator[str]:
    """The lines of a value; keys sorted, and what is nested deep in one line."""
    if depth == SPREAD_DEPTH or not value or not isinstance(value, (dict, list)):
        yield json.dumps(value, sort_keys=True, allow_nan=False)
        return
    if isinstance(value, dict):
        opening, closing = "{", "}"
        items = [(f"{json.dumps(name)}: ", item) for name, item in sorted(value.items())]
    else:
        opening, closing = "[", "]"
        items = [("", item) for item in value]
    yield opening
    for index, (prefix, item) in enumerate(items):
        first, *rest = _lines(item, depth + 1)
        *before, last = [prefix + first, *rest]
        yield from (f"  {line}" for line in before)
        yield f"  {last}" + "," * (index < len(items) - 1)
    yield closing
