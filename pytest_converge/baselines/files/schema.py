"""From the parsed values of a file to baselines: every key, type and range is checked.

A reader takes a value and its name, as `trainings[0].runs[3].seed`, and returns it or refuses it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from pytest_converge.baselines.files.errors import DefectError
from pytest_converge.baselines.gate.bounds import SEEDS
from pytest_converge.baselines.gate.scores import KEPT_POINTS
from pytest_converge.core.baseline import Baseline, StoredRun
from pytest_converge.core.errors import nearest, shown
from pytest_converge.core.expectation import LARGEST_SEED

__all__ = ["ADDED", "NONFINITE", "SCHEMA_VERSION", "trainings_of"]

#: Raised whenever the layout of the file changes: an older file must read as what it says. Version
#: 1 had no `data`, and neither loss nor reduction among the settings.
SCHEMA_VERSION = 2
#: Scores of a run: of the whole curve and of its last half, or of one metric.
MOST_SCORES = 2
#: How numbers are spelled that JSON has no literal for.
NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Reader = Callable[[Any, str], Any]


def trainings_of(document: Any) -> tuple[Baseline, ...]:
    """The trainings of a document.

    Raises:
        DefectError: something is wrong; it says what, and where.
    """
    if not isinstance(document, dict):
        raise DefectError(f"with {shown(document)} for an object")
    _require_version(document.get("schema_version"))
    values = _object(document, "", document_of(document["schema_version"]))
    trainings = tuple(Baseline(test=values["test"], **item) for item in values["trainings"])
    numbers = [training.number for training in trainings]
    if not numbers or not _rises([0, *numbers]):
        found = ", ".join(map(str, numbers)) or "none"
        raise DefectError(f"whose trainings have the numbers {found}")
    return trainings


def _require_version(version: Any) -> None:
    """First of all: about a newer layout nothing else can be said."""
    if type(version) is not int or version < 1:
        _refuse(version, "schema_version", "a version")
    if version > SCHEMA_VERSION:
        raise DefectError(
            f"of the newer schema_version={version} (this one knows {SCHEMA_VERSION})",
            "a version that this pytest-converge knows",
            "Install the newer version (pip install --upgrade pytest-converge).",
        )


def document_of(version: int) -> Mapping[str, Reader]:
    """What a file of a version holds."""
    if version == SCHEMA_VERSION:
        return DOCUMENT
    older = {name: read for name, read in TRAINING.items() if name not in ADDED[version]}
    return {**DOCUMENT, "trainings": _array(lambda value, name: _training(value, name, older))}


def _training(value: Any, name: str, readers: Mapping[str, Reader] | None = None) -> dict[str, Any]:
    values = _object(value, name, readers or TRAINING)
    runs = values["runs"]
    if len(runs) != SEEDS:
        raise DefectError(f"with {len(runs)} runs in {name}, of {SEEDS}")
    if len({run.seed for run in runs}) < len(runs):
        raise DefectError(f"with a seed twice in {name}")
    if len({len(run.scores) for run in runs}) > 1:
        raise DefectError(f"with runs of different scores in {name}")
    return values


def _run(value: Any, name: str) -> StoredRun:
    run = StoredRun(**_object(value, name, RUN))
    if not 1 <= len(run.scores) <= MOST_SCORES:
        _refuse(list(run.scores), f"{name}.scores", f"1 to {MOST_SCORES} scores")
    for index, score in enumerate(run.scores):
        # Infinity is the worst rank, of a run that was not finite.
        if not math.isfinite(score) and score != math.inf:
            _refuse(score, f"{name}.scores[{index}]", 'a finite number or "Infinity"')
    if not 1 <= len(run.steps) <= KEPT_POINTS:
        raise DefectError(f"with {len(run.steps)} steps in {name}, of 1 to {KEPT_POINTS}")
    if len(run.steps) != len(run.losses):
        raise DefectError(f"with {len(run.steps)} steps and {len(run.losses)} losses in {name}")
    if not _rises(run.steps):
        raise DefectError(f"with steps that do not rise in {name}")
    return run


def _object(value: Any, name: str, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """The values of an object that has these keys and no others."""
    if not isinstance(value, dict):
        _refuse(value, name, "an object")
    where = f" in {name}" if name else ""
    missing, unknown = sorted(readers.keys() - value), sorted(value.keys() - readers)
    if unknown:
        hint = nearest(unknown[0], readers)
        raise DefectError(f"with the unknown key {shown(unknown[0])}{where} ({hint})")
    if missing:
        raise DefectError(f"without the key {shown(missing[0])}{where}")
    prefix = f"{name}." if name else ""
    return {key: read(value[key], f"{prefix}{key}") for key, read in readers.items()}


def _array(read: Reader) -> Reader:
    def items(value: Any, name: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            _refuse(value, name, "an array")
        return tuple(read(item, f"{name}[{index}]") for index, item in enumerate(value))

    return items


def _integer(lowest: int, highest: int | None = None) -> Reader:
    most = "" if highest is None else f" and at most {highest}"

    def integer(value: Any, name: str) -> int:
        # A bool is an int for Python, and not for anybody else.
        if type(value) is not int or value < lowest or (highest is not None and value > highest):
            _refuse(value, name, f"an integer of at least {lowest}{most}")
        return value

    return integer


def _real(value: Any, name: str) -> float:
    """A number. Integers are refused: none is ever written where a number may have digits."""
    number = NONFINITE.get(value) if isinstance(value, str) else value
    if not isinstance(number, float):
        _refuse(value, name, "a number with a decimal point")
    return number


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        _refuse(value, name, "a text")
    return value


def _facts(value: Any, name: str) -> dict[str, float | int | str | bool | None]:
    if not isinstance(value, dict):
        _refuse(value, name, "an object")
    for key, item in value.items():
        if isinstance(item, (dict, list)):
            _refuse(item, f"{name}.{key}", "a plain value")
    return value


def _refuse(value: object, name: str, expected: str) -> NoReturn:
    raise DefectError(f"with {name}={shown(value)} for {expected}")


def _rises(values: Collection[int]) -> bool:
    return all(a < b for a, b in itertools.pairwise(values))


RUN: Mapping[str, Reader] = {
    "seed": _integer(0, LARGEST_SEED),
    "steps": _array(_integer(1)),
    "losses": _array(_real),
    "scores": _array(_real),
}
TRAINING: Mapping[str, Reader] = {
    "commit": _text,
    "data": _facts,
    "environment": _facts,
    "number": _integer(1),
    "reason": _text,
    "runs": _array(_run),
    "settings": _facts,
}
#: What a training of each older version has not.
ADDED: Mapping[int, frozenset[str]] = {1: frozenset({"data"})}
DOCUMENT: Mapping[str, Reader] = {
    "checksum": lambda value, _: value,  # compared as a line of the text
    "schema_version": lambda value, _: value,  # checked before
    "test": _text,
    "trainings": _array(_training),
}
