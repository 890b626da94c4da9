"""Values that the training data do not hold: categories and numbers never seen, missing values."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_converge.columns.rows import Column, input_columns, with_value
from pytest_converge.core.pipeline_report import Difference, PipelineTrial
from pytest_converge.features.pipelines.output import not_finite
from pytest_converge.features.pipelines.trial_run import TriedPipeline, said

__all__ = ["missing_trial", "unseen_trials"]

#: Rows that get a new value.
CHANGED = 4
#: Columns that get one, at most.
MOST_COLUMNS = 20
#: How many times the range of the training data a number lies beyond their largest.
BEYOND = 10.0
UNSEEN = "a value never seen"


def unseen_trials(subject: TriedPipeline) -> list[PipelineTrial]:
    """One trial for categories and one for numbers: each column in turn gets a new value."""
    code = "unseen-values"
    columns = list(input_columns(subject.few))
    seen = {column.name: column for column in input_columns(subject.train)}
    trials = []
    for what, wanted in (("categories never seen", True), ("numbers never seen", False)):
        chosen = [c for c in columns if c.is_text == wanted and c.values.dtype.kind in "OUSiuf"]
        if not chosen:
            why = f"there is no column of {'text' if wanted else 'numbers'}"
            trials.append(PipelineTrial(code=code, what=what, why_not=why))
            continue
        pairs = [(c, _never_seen(seen.get(c.name, c), c)) for c in chosen[:MOST_COLUMNS]]
        trials.append(_each_changed(subject, code, what, pairs))
    return trials


def _never_seen(train: Column, column: Column) -> Any:
    if column.is_text:
        return UNSEEN
    # The training data may hold another kind of values, of which none lies beyond the others.
    train = train if train.values.dtype.kind in "biuf" else column
    values = train.values[~train.missing]
    if column.values.dtype.kind in "iu":
        top = np.iinfo(column.values.dtype).max
        return int(min(max(_ends(values)[0], 0) + 1, top))
    high, low = (float(end) if len(values) else 0.0 for end in _ends(values))
    return high + BEYOND * max(high - low, abs(high), 1e-6)


def _ends(values: Any) -> tuple[float, float]:
    held = values[np.isfinite(values)]
    return (float(held.max()), float(held.min())) if len(held) else (0.0, 0.0)


def missing_trial(subject: TriedPipeline, missing: bool | None) -> PipelineTrial:
    """Whether missing values come out as numbers.

    Args:
        subject: the pipeline and its data.
        missing: whether to try; None: in the columns of which some value is missing.
    """
    code, what = "missing-values", "missing values"
    columns = [c for c in input_columns(subject.few) if c.values.dtype.kind in "OUSf"]
    if missing is False or not columns:
        why = "it was not asked for" if missing is False else "no column can hold any"
        return PipelineTrial(code=code, what=what, why_not=why)
    if missing is None:
        names = {c.name for data in (subject.train, subject.other) for c in _with_missing(data)}
        columns = [column for column in columns if column.name in names]
    bad = not_finite(subject.base)
    if not columns and bad.is_none:
        return PipelineTrial(code=code, what=what, why_not="the data have none")
    if not bad.is_none:
        gaps = tuple(column.name for column in _with_missing(subject.few))
        return PipelineTrial(code=code, what=what, difference=bad, columns=gaps)
    pairs = [(c, None if c.is_text else float("nan")) for c in columns[:MOST_COLUMNS]]
    return _each_changed(subject, code, what, pairs)


def _with_missing(data: Any) -> list[Column]:
    return [column for column in input_columns(data) if column.missing.any()]


def _each_changed(
    subject: TriedPipeline, code: str, what: str, pairs: list[tuple[Column, Any]]
) -> PipelineTrial:
    """Each column in turn gets a value in its first rows; the features must stay numbers."""
    bad: list[str] = []
    first: Difference | None = None
    pipeline = subject.again()
    for column, value in pairs:
        try:
            changed = with_value(subject.few, column, CHANGED, value)
            found = not_finite(subject.features(pipeline, changed), subject.base)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises is the finding
            found = Difference(problem=said(error))
        if not found.is_none:
            bad.append(column.name)
            first = first or found
    whole = first or Difference(compared=CHANGED)
    return PipelineTrial(code=code, what=what, difference=whole, columns=tuple(bad))
