"""The lines of a file of the versions 1 and 2, which are read and never written any more.

Their keys are sorted, and a run stands in one line, with its losses.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pytest_converge.baselines.files import written
from pytest_converge.baselines.files.schema import ADDED
from pytest_converge.core.baseline import Baseline, StoredRun

__all__ = ["document_of", "lines_of"]

#: Values nested deeper stand in one line: the runs of a training.
SPREAD_DEPTH = 4


def document_of(test: str, trainings: Sequence[Baseline], version: int) -> dict[str, Any]:
    """What a file of that version holds beside its checksum.

    Args:
        test: the id of the test.
        trainings: its trainings, by rising number.
        version: of the layout.
    """
    unknown = ADDED.get(version, frozenset())
    return {
        "schema_version": version,
        "test": test,
        "trainings": [_training(training, unknown) for training in trainings],
    }


def _training(training: Baseline, unknown: Collection[str]) -> dict[str, Any]:
    values = {
        "commit": training.commit,
        "data": written.facts(training.data),
        "environment": written.facts(training.environment),
        "number": training.number,
        "reason": training.reason,
        "runs": [_run(run) for run in training.runs],
        "settings": written.facts(training.settings),
    }
    return {name: value for name, value in values.items() if name not in unknown}


def _run(run: StoredRun) -> dict[str, Any]:
    values = run.to_dict()
    return {**values, **{name: written.numbers(values[name]) for name in ("scores", "losses")}}


def lines_of(value: Any, depth: int = 0) -> Iterator[str]:
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
        first, *rest = lines_of(item, depth + 1)
        *before, last = [prefix + first, *rest]
        yield from (f"  {line}" for line in before)
        yield f"  {last}" + "," * (index < len(items) - 1)
    yield closing
