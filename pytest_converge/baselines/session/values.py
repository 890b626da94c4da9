"""Small questions about the runs and the settings of baselines."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

from pytest_converge.core.baseline import EnvironmentChange, StoredRun, Value

__all__ = ["broken", "differences", "exponential", "medians", "remembered"]


def remembered(runs: Iterator[StoredRun], made: list[StoredRun]) -> Iterator[StoredRun]:
    """The runs, each of which is also put into `made`."""
    for run in runs:
        made.append(run)
        yield run


def differences(
    recorded: Mapping[str, Value], present: Mapping[str, Value]
) -> tuple[EnvironmentChange, ...]:
    """What is not the same, or is known on one side alone, by name."""
    return tuple(
        EnvironmentChange(name=name, recorded=recorded.get(name), present=present.get(name))
        for name in sorted({*recorded, *present})
        if recorded.get(name) != present.get(name)
    )


def broken(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """The runs that were not finite."""
    return [run for run in runs if not all(map(math.isfinite, run.scores))]


def exponential(score: float) -> float:
    """The loss behind a score; infinite beyond all floats."""
    try:
        return math.exp(score)
    except OverflowError:
        return math.inf


def medians(runs: Sequence[StoredRun]) -> tuple[float, ...]:
    """The median of each score, one of the runs' own where their number is even."""
    columns = zip(*(run.scores for run in runs), strict=True)
    return tuple(statistics.median_low(column) for column in columns)
