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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_converge.baselines.files.errors import BaselineChecksumError, OtherTestError
from pytest_converge.baselines.files.schema import NONFINITE, SCHEMA_VERSION, Place, trainings_of
from pytest_converge.baselines.files.strict_json import decoded, parsed
from pytest_converge.core.baseline import Baseline, StoredRun
from pytest_converge.core.errors import InvalidTrainingError, complaint, shown

__all__ = ["dumps", "loads"]

#: Enough to tell any two float32 values apart (IEEE 754-2019, table 5.1 counts 9).
DIGITS = 9
#: Values nested deeper stand in one line: the runs of a training.
SPREAD_DEPTH = 4


def dumps(trainings: Sequence[Baseline]) -> str:
    """The text of a file that holds the trainings of one test, in the order of their numbers.

    Numbers are rounded to nine digits: `loads` gives them back as they stand in the text.

    Raises:
        InvalidTrainingError: a setting is a number that is not finite, or the trainings belong to
            several tests.
    """
    tests = {training.test for training in trainings}
    if len(tests) != 1:
        given = f"trainings of {len(tests)} tests for one file"
        raise InvalidTrainingError(complaint(given, "those of one test", "Write a file for each."))
    document = {
        "schema_version": SCHEMA_VERSION,
        "test": tests.pop(),
        "trainings": [_training(item) for item in sorted(trainings, key=lambda item: item.number)],
    }
    opening, *lines = [*_lines(document), ""]
    return "\n".join([opening, _checksum_line([opening, *lines]), *lines])


def loads(data: bytes, *, path: Path, test: str = "") -> tuple[Baseline, ...]:
    """The trainings of a file, in the order of their numbers.

    Args:
        data: the content of the file.
        path: the file, for messages.
        test: the id of the test that it must belong to; empty for any.

    Raises:
        BaselineFileError: one of its kinds says what is wrong, and where.
    """
    text = decoded(data, path, test)
    document = parsed(text, path, test)
    trainings = trainings_of(document, Place(file=path, test=test))
    if test and trainings[0].test != test:
        raise OtherTestError(path, f"of the test {trainings[0].test}", test=test)
    lines = text.split("\n")
    if lines[1:2] != [_checksum_line([*lines[:1], *lines[2:]])]:
        defect = "whose checksum is not that of its text"
        raise BaselineChecksumError(path, defect, test=test)
    if dumps(trainings) != text:
        defect = "whose text is not the one that its values give"
        raise BaselineChecksumError(path, defect, test=test)
    return trainings


def _checksum_line(lines: Sequence[str]) -> str:
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return f'  "checksum": "sha256:{digest}",'


def _training(training: Baseline) -> dict[str, Any]:
    return {
        "commit": training.commit,
        "environment": _facts(training.environment),
        "number": training.number,
        "reason": training.reason,
        "runs": [_run(run) for run in training.runs],
        "settings": _facts(training.settings),
    }


def _run(run: StoredRun) -> dict[str, Any]:
    values = run.to_dict()
    return {**values, **{name: list(map(_number, values[name])) for name in ("scores", "losses")}}


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in facts.items():
        if isinstance(value, float) and not math.isfinite(value):
            given, remedy = f"{name}={shown(value)}", "A baseline keeps no other."
            raise InvalidTrainingError(complaint(given, "a finite number", remedy))
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
