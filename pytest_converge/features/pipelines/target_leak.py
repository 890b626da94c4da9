"""Whether features tell the target of their own row."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_converge.columns.rows import count_rows
from pytest_converge.core.pipeline_report import Difference, PipelineTrial
from pytest_converge.features.pipelines.output import FeatureMatrix, features_of
from pytest_converge.features.pipelines.pipeline import Pipeline

__all__ = ["leak_trial"]

Array = np.ndarray[Any, Any]

#: A feature whose correlation with the target is this high is the target.
SAME = 0.9999
#: Rows whose targets are exchanged, and how many rows it takes to judge.
EXCHANGED, FEWEST_ROWS = 16, 20
#: Features of those rows move by so many standard deviations, and so many times as far as those of
#: the other rows, which the mean of a large category does not.
MOVES, TIMES = 0.2, 5.0
#: Classes up to which a feature is compared with each.
MOST_CLASSES = 20


def leak_trial(
    pipeline: Pipeline, train: Any, targets: Any, names: tuple[str, ...]
) -> PipelineTrial:
    """Features that equal the targets, or that change with the target of their own row.

    Args:
        pipeline: not fitted.
        train: the training data.
        targets: their targets, or None.
        names: of the features.
    """
    code, what = "target-leak", "no trace of the own target"
    if targets is None:
        return PipelineTrial(code=code, what=what, why_not="no targets were given")
    labels = _labels(targets)
    if labels is None or len(labels) < FEWEST_ROWS or len(labels) != count_rows(train):
        why = f"it takes one target a row and {FEWEST_ROWS} rows"
        return PipelineTrial(code=code, what=what, why_not=why)
    seen = _in_training(pipeline, train, targets, names)
    found = _equal(seen, labels)
    if not found.columns and pipeline.takes_targets:
        found = _own_target(pipeline, train, labels, seen, names)
    return PipelineTrial(code=code, what=what, difference=found)


def _labels(targets: Any) -> Array | None:
    """One number a row; text as numbers of classes."""
    array = np.asarray(targets.to_numpy() if hasattr(targets, "to_numpy") else targets)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        return None
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    texts = np.array([str(value) for value in array])  # `astype` takes no rows of several
    return np.unique(texts, return_inverse=True)[1].astype(np.float64)


def _in_training(
    pipeline: Pipeline, train: Any, targets: Any, names: tuple[str, ...]
) -> FeatureMatrix:
    """The features that the training sees."""
    if pipeline.takes_targets:
        output = pipeline.in_training(train, targets)
        if output is not None:
            return features_of(output, names)
    return features_of(pipeline.fitted(train, targets).transform(train), names)


def _equal(seen: FeatureMatrix, labels: Array) -> Difference:
    if seen.values.dtype.kind == "O" or len(seen) != len(labels):
        return Difference()
    columns = [
        name
        for name, values in zip(seen.names, seen.values.T, strict=True)
        if _is_target(values, labels)
    ]
    if not columns:
        return Difference(compared=len(labels))
    return Difference(columns=tuple(columns), largest=0.0, rows=len(labels), compared=len(labels))


def _is_target(values: Array, labels: Array) -> bool:
    """True for the target up to scale, and for a code that stands for the class."""
    if not np.isfinite(values).all() or values.min() == values.max():
        return False
    classes = np.unique(labels)
    if len(classes) < 2:
        return False
    if abs(float(np.corrcoef(values, labels)[0, 1])) > SAME:
        return True
    if not 2 < len(classes) <= MOST_CLASSES:
        return False
    held = [values[labels == label] for label in classes]
    one_each = all(part.max() - part.min() <= 1e-9 * np.abs(values).max() for part in held)
    return one_each and len({float(part[0]) for part in held}) == len(classes)


def _own_target(
    pipeline: Pipeline, train: Any, labels: Array, seen: FeatureMatrix, names: tuple[str, ...]
) -> Difference:
    """How far the features of some rows move when their targets are exchanged for others."""
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(len(labels), min(EXCHANGED, len(labels) // 4), replace=False))
    changed = labels.copy()
    changed[rows] = _others(labels, rows)
    moved = _in_training(pipeline, train, changed, names)
    plain = _in_training(pipeline, train, labels, names)
    if plain.values.dtype.kind == "O" or plain.values.shape != moved.values.shape:
        return Difference(compared=len(rows))
    away = np.abs(moved.values - plain.values)
    spread = plain.values.std(axis=0)
    spread[spread == 0.0] = 1.0
    own = away[rows].mean(axis=0) / spread
    rest = np.delete(away, rows, axis=0).mean(axis=0) / spread
    bad = np.flatnonzero((own > MOVES) & (own > TIMES * rest))
    return Difference(
        columns=tuple(seen.names[index] for index in bad),
        largest=float(away[rows][:, bad].max()) if len(bad) else 0.0,
        rows=len(rows) if len(bad) else 0,
        compared=len(rows),
    )


def _others(labels: Array, rows: Array) -> Array:
    """Another class, or a value on the other side of the mean."""
    classes = np.unique(labels)
    if len(classes) <= MOST_CLASSES:
        places = np.searchsorted(classes, labels[rows])
        return np.asarray(classes[(places + 1) % len(classes)])
    return np.asarray(2.0 * labels.mean() - labels[rows])
