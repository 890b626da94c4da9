"""From the parsed values of a file to baselines: every key, type and range is checked.

A reader takes a value and its name, as `trainings[0].runs[3].seed`, and returns it or refuses it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from pytest_converge.baselines.files.errors import DefectError
from pytest_converge.baselines.files.written import NONFINITE
from pytest_converge.baselines.gate.bounds import SEEDS
from pytest_converge.baselines.gate.scores import KEPT_POINTS
from pytest_converge.core.baseline import Baseline, StoredRun
from pytest_converge.core.errors import nearest, shown
from pytest_converge.core.expectation import LARGEST_SEED

__all__ = ["ADDED", "JOINED", "SCHEMA_VERSION", "trainings_of"]

#: Raised whenever the layout of the file changes: an older file must read as what it says. Version
#: 1 had no `data`, and neither loss nor reduction among the settings.
SCHEMA_VERSION = 3
#: The last version in which the losses stood beside the scores of their run.
JOINED = 2
#: Scores of a run: of the whole curve and of its last half, or of one metric.
MOST_SCORES = 2

#: As a seed is written for the key of its losses.
SEED = re.compile(r"0|[1-9][0-9]{0,9}")

Reader = Callable[[Any, str], Any]


def trainings_of(document: Any, *, whole: bool = True) -> tuple[Baseline, ...]:
    """The trainings of a document.

    Args:
        document: the parsed values.
        whole: False where a training may have fewer runs than a baseline.

    Raises:
        DefectError: something is wrong; it says what, and where.
    """
    if not isinstance(document, dict):
        raise DefectError(f"with {shown(document)} for an object")
    version = _require_version(document.get("schema_version"))
    values = _object(document, "", document_of(version))
    items = values["trainings"] if version <= JOINED else _with_curves(values)
    for index, item in enumerate(items):
        _require_runs(item["runs"], f"trainings[{index}]", whole)
    trainings = tuple(Baseline(test=values["test"], **item) for item in items)
    numbers = [training.number for training in trainings]
    if not numbers or not _rises([0, *numbers]):
        found = ", ".join(map(str, numbers)) or "none"
        raise DefectError(f"whose trainings have the numbers {found}")
    _require_runs_of(values.get("curves", ()), trainings)
    return trainings


def _require_version(version: Any) -> int:
    """First of all: about a newer layout nothing else can be said."""
    if type(version) is not int or version < 1:
        _refuse(version, "schema_version", "a version")
    if version > SCHEMA_VERSION:
        raise DefectError(
            f"of the newer schema_version={version} (this one knows {SCHEMA_VERSION})",
            "a version that this pytest-converge knows",
            "Install the newer version (pip install --upgrade pytest-converge).",
        )
    return version


def document_of(version: int) -> Mapping[str, Reader]:
    """What a file of a version holds."""
    if version > JOINED:
        return DOCUMENT
    known = {**TRAINING, "runs": _array(_joined_run)}
    unknown = {"summary", *ADDED.get(version, ())}
    older = {name: read for name, read in known.items() if name not in unknown}
    trainings = _array(lambda value, name: _object(value, name, older))
    return {
        **{name: read for name, read in DOCUMENT.items() if name != "curves"},
        "trainings": trainings,
    }


def _require_runs(runs: Sequence[StoredRun], name: str, whole: bool) -> None:
    if len(runs) != SEEDS and (whole or not 1 <= len(runs) < SEEDS):
        raise DefectError(f"with {len(runs)} runs in {name}, of {SEEDS}")
    if len({run.seed for run in runs}) < len(runs):
        raise DefectError(f"with a seed twice in {name}")
    if len({len(run.scores) for run in runs}) > 1:
        raise DefectError(f"with runs of different scores in {name}")


def _joined_run(value: Any, name: str) -> StoredRun:
    """A run with its losses."""
    run = StoredRun(**_object(value, name, {**RUN, **CURVE}))
    _require_scores(run.scores, name)
    _require_curve(run.steps, {"": run.losses}, name)
    return run


def _with_curves(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The trainings of a document, each run with its losses, which stand at the end."""
    curves: dict[tuple[int, int], tuple[tuple[int, ...], tuple[float, ...]]] = {}
    for index, curve in enumerate(values["curves"]):
        for seed, losses in curve["losses"].items():
            key = curve["training"], seed
            if key in curves:
                raise DefectError(f"with the losses of seed {seed} twice in curves[{index}]")
            curves[key] = curve["steps"], losses
    trainings = []
    for item in values["trainings"]:
        runs = []
        for run in item["runs"]:
            key = item["number"], run["seed"]
            if key not in curves:
                # Not taken out: a seed that is there twice is a defect of its own.
                raise DefectError(f"without losses of seed {key[1]} of training {key[0]}")
            steps, losses = curves[key]
            runs.append(StoredRun(**run, steps=steps, losses=losses))
        kept = {name: value for name, value in item.items() if name != "summary"}
        trainings.append({**kept, "runs": tuple(runs)})
    return trainings


def _require_runs_of(curves: Sequence[Mapping[str, Any]], trainings: Sequence[Baseline]) -> None:
    """Last of all, since a run that is not there as it should be leaves its losses behind."""
    known = {(training.number, run.seed) for training in trainings for run in training.runs}
    for curve in curves:
        number = curve["training"]
        for seed in curve["losses"]:
            if (number, seed) not in known:
                raise DefectError(f"with losses of seed {seed}, of no run of training {number}")


def _run(value: Any, name: str) -> dict[str, Any]:
    run = _object(value, name, RUN)
    _require_scores(run["scores"], name)
    return run


def _curve(value: Any, name: str) -> dict[str, Any]:
    curve = _object(value, name, {"training": _integer(1), **CURVE, "losses": _by_seed})
    _require_curve(curve["steps"], curve["losses"], name)
    return curve


def _by_seed(value: Any, name: str) -> dict[int, tuple[float, ...]]:
    """Losses by the seed of their run."""
    if not isinstance(value, dict):
        _refuse(value, name, "an object")
    found: dict[int, tuple[float, ...]] = {}
    for key, losses in value.items():
        if not SEED.fullmatch(key) or int(key) > LARGEST_SEED:
            _refuse(key, f"a key of {name}", f"a seed of at most {LARGEST_SEED}")
        found[int(key)] = _array(_real)(losses, f"{name}.{key}")
    return found


def _require_scores(scores: Sequence[float], name: str) -> None:
    if not 1 <= len(scores) <= MOST_SCORES:
        _refuse(list(scores), f"{name}.scores", f"1 to {MOST_SCORES} scores")
    for index, score in enumerate(scores):
        # Infinity is the worst rank, of a run that was not finite.
        if not math.isfinite(score) and score != math.inf:
            _refuse(score, f"{name}.scores[{index}]", 'a finite number or "Infinity"')


def _require_curve(steps: Sequence[int], losses: Mapping[Any, Sequence[float]], name: str) -> None:
    if not 1 <= len(steps) <= KEPT_POINTS:
        raise DefectError(f"with {len(steps)} steps in {name}, of 1 to {KEPT_POINTS}")
    for each in losses.values():
        if len(steps) != len(each):
            raise DefectError(f"with {len(steps)} steps and {len(each)} losses in {name}")
    if not _rises(steps):
        raise DefectError(f"with steps that do not rise in {name}")


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


def _rises(values: Sequence[int]) -> bool:
    return all(a < b for a, b in itertools.pairwise(values))


RUN: Mapping[str, Reader] = {
    "seed": _integer(0, LARGEST_SEED),
    "scores": _array(_real),
}
CURVE: Mapping[str, Reader] = {
    "steps": _array(_integer(1)),
    "losses": _array(_real),
}
TRAINING: Mapping[str, Reader] = {
    "commit": _text,
    "data": _facts,
    "environment": _facts,
    "number": _integer(1),
    "reason": _text,
    "runs": _array(_run),
    "settings": _facts,
    "summary": lambda value, _: value,  # it follows from the runs; compared as a part of the text
}
#: What a training of each older version has not.
ADDED: Mapping[int, frozenset[str]] = {1: frozenset({"data"})}
DOCUMENT: Mapping[str, Reader] = {
    "checksum": lambda value, _: value,  # compared as a line of the text
    "schema_version": lambda value, _: value,  # checked before
    "test": _text,
    "trainings": _array(lambda value, name: _object(value, name, TRAINING)),
    "curves": _array(_curve),
}
