"""From the parsed values of a file to baselines: every key, type and range is checked."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn

from pytest_converge.baselines.files.errors import (
    BaselineFileError,
    BaselineKeyError,
    BaselineNumberingError,
    BaselineRunsError,
    BaselineStepsError,
    BaselineTypeError,
    NewerBaselineError,
)
from pytest_converge.baselines.gate.bounds import SEEDS
from pytest_converge.core.baseline import Baseline, StoredRun
from pytest_converge.core.errors import nearest, shown

__all__ = [
    "DOCUMENT_KEYS",
    "MOST_POINTS",
    "NONFINITE",
    "RUN_KEYS",
    "SCHEMA_VERSION",
    "TRAINING_KEYS",
    "Place",
    "trainings_of",
]

#: Raised whenever the layout of the file changes: an older file must read as what it says.
SCHEMA_VERSION = 1
#: Points of a stored curve.
MOST_POINTS = 64
#: Scores of a run: of the whole curve and of its last half, or of one metric.
MOST_SCORES = 2
#: Highest seed; NumPy and TensorFlow take 32 bits.
MOST_SEED = 2**32 - 1

#: How numbers are spelled that JSON has no literal for.
NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
DOCUMENT_KEYS = frozenset({"checksum", "schema_version", "test", "trainings"})
TRAINING_KEYS = frozenset({"commit", "environment", "number", "reason", "runs", "settings"})
RUN_KEYS = frozenset(field.name for field in dataclasses.fields(StoredRun))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value of a file, so that a message can say which.

    Attributes:
        file: where it was read from.
        test: the id of the test; empty where it is not known.
        name: as in `trainings[0].runs[3].seed`; empty for the whole document.
    """

    file: Path
    test: str
    name: str = ""

    def at(self, key: str | int) -> Place:
        """The value under a key or an index."""
        if isinstance(key, int):
            name = f"{self.name}[{key}]"
        else:
            name = f"{self.name}.{key}" if self.name else key
        return dataclasses.replace(self, name=name)

    def refuse(self, kind: type[BaselineFileError], defect: str) -> NoReturn:
        """Raise the error of this kind."""
        raise kind(self.file, defect, test=self.test)

    def expect(self, value: object, expected: str) -> NoReturn:
        """Refuse a value of a wrong type or range."""
        self.refuse(BaselineTypeError, f"with {self.name}={shown(value)} for {expected}")


def trainings_of(document: Any, place: Place) -> tuple[Baseline, ...]:
    """The trainings of a document.

    Raises:
        BaselineFileError: one of its kinds says what is wrong, and where.
    """
    if not isinstance(document, dict):
        place.refuse(BaselineTypeError, f"with {shown(document)} for an object")
    _require_version(document, place)
    _require_keys(document, DOCUMENT_KEYS, place)
    test = _text(document["test"], place.at("test"))
    values = _items(document["trainings"], place.at("trainings"))
    trainings = tuple(
        _training(value, test, place.at("trainings").at(index))
        for index, value in enumerate(values)
    )
    numbers = [training.number for training in trainings]
    if not numbers or not _rises([0, *numbers]):
        found = ", ".join(map(str, numbers)) or "none"
        place.refuse(BaselineNumberingError, f"whose trainings have the numbers {found}")
    return trainings


def _require_version(document: dict[str, Any], place: Place) -> None:
    """First of all: about a newer layout nothing else can be said."""
    version = document.get("schema_version")
    if type(version) is not int or version < 1:
        place.at("schema_version").expect(version, "a version")
    if version > SCHEMA_VERSION:
        defect = f"of the newer schema_version={version} (this one knows {SCHEMA_VERSION})"
        place.refuse(NewerBaselineError, defect)


def _training(value: Any, test: str, place: Place) -> Baseline:
    _require_keys(value, TRAINING_KEYS, place)
    runs = tuple(
        _run(run, place.at("runs").at(index))
        for index, run in enumerate(_items(value["runs"], place.at("runs")))
    )
    _require_runs(runs, place)
    return Baseline(
        test=test,
        number=_integer(value["number"], place.at("number"), 1),
        settings=_facts(value["settings"], place.at("settings")),
        environment=_facts(value["environment"], place.at("environment")),
        commit=_text(value["commit"], place.at("commit")),
        reason=_text(value["reason"], place.at("reason")),
        runs=runs,
    )


def _require_runs(runs: tuple[StoredRun, ...], place: Place) -> None:
    if len(runs) != SEEDS:
        defect = f"with {len(runs)} runs in {place.name}, of {SEEDS}"
        place.refuse(BaselineRunsError, defect)
    if len({run.seed for run in runs}) < len(runs):
        place.refuse(BaselineRunsError, f"with a seed twice in {place.name}")
    if len({len(run.scores) for run in runs}) > 1:
        place.refuse(BaselineRunsError, f"with runs of different scores in {place.name}")


def _run(value: Any, place: Place) -> StoredRun:
    _require_keys(value, RUN_KEYS, place)
    steps = tuple(
        _integer(step, place.at("steps").at(index), 1)
        for index, step in enumerate(_items(value["steps"], place.at("steps")))
    )
    scores, losses = (_reals(value[name], place.at(name)) for name in ("scores", "losses"))
    _require_scores(scores, place.at("scores"))
    _require_curve(steps, losses, place)
    seed = _integer(value["seed"], place.at("seed"), 0, MOST_SEED)
    return StoredRun(seed=seed, scores=scores, steps=steps, losses=losses)


def _require_scores(scores: tuple[float, ...], place: Place) -> None:
    if not 1 <= len(scores) <= MOST_SCORES:
        place.expect(list(scores), f"1 to {MOST_SCORES} scores")
    for index, score in enumerate(scores):
        # Infinity is the worst rank, of a run that was not finite.
        if not math.isfinite(score) and score != math.inf:
            place.at(index).expect(score, 'a finite number or "Infinity"')


def _require_curve(steps: tuple[int, ...], losses: tuple[float, ...], place: Place) -> None:
    if not 1 <= len(steps) <= MOST_POINTS:
        defect = f"with {len(steps)} steps in {place.name}, of 1 to {MOST_POINTS}"
        place.refuse(BaselineStepsError, defect)
    if len(steps) != len(losses):
        defect = f"with {len(steps)} steps and {len(losses)} losses in {place.name}"
        place.refuse(BaselineStepsError, defect)
    if not _rises(steps):
        place.refuse(BaselineStepsError, f"with steps that do not rise in {place.name}")


def _require_keys(value: Any, names: Collection[str], place: Place) -> None:
    if not isinstance(value, dict):
        place.expect(value, "an object")
    where = f" in {place.name}" if place.name else ""
    missing, unknown = sorted(set(names) - set(value)), sorted(set(value) - set(names))
    if unknown:
        defect = f"with the unknown key {shown(unknown[0])}{where} ({nearest(unknown[0], names)})"
        place.refuse(BaselineKeyError, defect)
    if missing:
        place.refuse(BaselineKeyError, f"without the key {shown(missing[0])}{where}")


def _facts(value: Any, place: Place) -> dict[str, float | int | str | bool | None]:
    if not isinstance(value, dict):
        place.expect(value, "an object")
    for name, item in value.items():
        if isinstance(item, (dict, list)):
            place.at(name).expect(item, "a plain value")
    return value


def _items(value: Any, place: Place) -> list[Any]:
    if not isinstance(value, list):
        place.expect(value, "an array")
    return value


def _reals(values: Any, place: Place) -> tuple[float, ...]:
    """Numbers. Integers are refused: none is ever written where a number may have digits."""
    numbers = []
    for index, value in enumerate(_items(values, place)):
        number = NONFINITE.get(value) if isinstance(value, str) else value
        if not isinstance(number, float):
            place.at(index).expect(value, "a number with a decimal point")
        numbers.append(number)
    return tuple(numbers)


def _integer(value: Any, place: Place, lowest: int, highest: int | None = None) -> int:
    # A bool is an int for Python, and not for anybody else.
    if type(value) is not int or value < lowest or (highest is not None and value > highest):
        most = "" if highest is None else f" and at most {highest}"
        place.expect(value, f"an integer of at least {lowest}{most}")
    return value


def _text(value: Any, place: Place) -> str:
    if not isinstance(value, str):
        place.expect(value, "a text")
    return value


def _rises(values: Collection[int]) -> bool:
    return all(a < b for a, b in itertools.pairwise(values))
