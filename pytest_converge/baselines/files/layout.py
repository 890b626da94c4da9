"""The lines of a baseline's file, in the order in which a reviewer reads them.

What a change of the training changes comes first: the accepted reason, then a summary in numbers,
then settings, data and environment, then a line of scores for each run. The losses, which nobody
reads one by one, come last, five in a row, so that no line is wider than a review shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_converge.baselines.files import written
from pytest_converge.core.baseline import Baseline
from pytest_converge.core.recorded_scores import end_losses, median, named_scores

__all__ = ["document_of", "lines_of"]

#: Numbers in a row. Five of the longest, `-1.23456789e-308`, fit 100 columns; a fixed count, so
#: that a number with more digits moves no other to another line.
ROW = 5
#: Significant digits of a summary: as reports show losses.
SUMMARY_DIGITS = 4


class _Row(dict[str, Any]):
    """An object that stands in one line."""


def document_of(test: str, trainings: Sequence[Baseline], version: int) -> dict[str, Any]:
    """What a file holds beside its checksum, in the order of its lines.

    Args:
        test: the id of the test.
        trainings: its trainings, by rising number.
        version: of the layout.
    """
    return {
        "schema_version": version,
        "test": test,
        "trainings": [_training(training) for training in trainings],
        "curves": [curve for training in trainings for curve in _curves(training)],
    }


def _training(training: Baseline) -> dict[str, Any]:
    runs = training.runs
    return {
        "number": training.number,
        "reason": training.reason,
        "summary": _summary(training),
        "commit": training.commit,
        "settings": written.facts(training.settings),
        "data": written.facts(training.data),
        "environment": written.facts(training.environment),
        "runs": [_Row(seed=run.seed, scores=written.numbers(run.scores)) for run in runs],
    }


def _summary(training: Baseline) -> dict[str, Any]:
    """Median, lowest and highest over the runs; scores of losses as losses."""
    first, last = end_losses(training)
    values = dict(named_scores(training))
    values |= {"first loss": first, "last loss": last}
    return {
        name: _Row(
            (label, written.number(value, SUMMARY_DIGITS))
            for label, value in (
                ("median", median(found)),
                ("lowest", min(found)),
                ("highest", max(found)),
            )
        )
        for name, found in values.items()
    }


def _curves(training: Baseline) -> Iterator[dict[str, Any]]:
    """The losses by seed, of all runs that have the same steps."""
    for steps in dict.fromkeys(run.steps for run in training.runs):
        alike = [run for run in training.runs if run.steps == steps]
        yield {
            "training": training.number,
            "steps": list(steps),
            "losses": {str(run.seed): written.numbers(run.losses) for run in alike},
        }


def lines_of(value: Any) -> Iterator[str]:
    """The lines of a document, or of a part of it."""
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        yield from _rows([json.dumps(item, allow_nan=False) for item in value])
    elif not value or isinstance(value, _Row) or not isinstance(value, (dict, list)):
        yield json.dumps(value, allow_nan=False)
    elif isinstance(value, Mapping):
        names = [f"{json.dumps(name)}: " for name in value]
        yield from _spread("{}", list(zip(names, value.values(), strict=True)))
    else:
        yield from _spread("[]", [("", item) for item in value])


def _spread(brackets: str, items: Sequence[tuple[str, Any]]) -> Iterator[str]:
    yield brackets[0]
    for index, (prefix, item) in enumerate(items):
        first, *rest = lines_of(item)
        *before, last = [prefix + first, *rest]
        yield from (f"  {line}" for line in before)
        yield f"  {last}" + "," * (index < len(items) - 1)
    yield brackets[1]


def _rows(texts: Sequence[str]) -> Iterator[str]:
    """Plain values, in one line where they are few."""
    if len(texts) <= ROW:
        yield f"[{', '.join(texts)}]"
        return
    yield "["
    for row in range(math.ceil(len(texts) / ROW)):
        part = texts[row * ROW : (row + 1) * ROW]
        yield f"  {', '.join(part)}" + "," * ((row + 1) * ROW < len(texts))
    yield "]"
