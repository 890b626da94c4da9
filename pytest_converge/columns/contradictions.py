"""What rows say of each other: the same inputs with other targets, targets that are the inputs."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from pytest_converge.columns.classes import as_table, class_labels, task_of
from pytest_converge.columns.frames import Part, read_parts
from pytest_converge.columns.repeated_rows import repeated_rows

__all__ = ["contradicting_rows", "contradicting_share", "pure_error", "targets_are_inputs"]

Array = np.ndarray[Any, Any]

#: Measured values repeat with noise. They contradict each other where they vary by more than this
#: part of the variance of all targets: inputs that say nothing leave all of it.
UNEXPLAINED = 0.5
#: The share of rows with the inputs of another one from which on these tell the noise of targets.
REPEATED = 0.5
#: Repetitions of one input that noise of a usual size makes look like a contradiction, as a share:
#: a tenth of the share of contradicting rows that `preprocessing.check` lets pass.
BY_CHANCE = 1e-3


def contradicting_rows(features: Sequence[Part], targets: Array, task: str) -> tuple[int, int]:
    """(rows that have the inputs of others and another target, rows that have them).

    Of classes, each row outside of the most frequent class of its group contradicts one inside.
    Values do so where their variance among rows with the same inputs is more than half of that
    among all rows, and more than the noise of the other groups explains.

    Args:
        features: the columns of the inputs.
        targets: of the same rows, which come first.
        task: what `classes.task_of` says of the targets.
    """
    rows, groups = repeated_rows(features)
    if not len(rows):
        return 0, 0
    table, known = as_table(targets), class_labels(targets, task)
    starts, sizes = _starts_and_sizes(groups)
    if task == "values" and table.dtype.kind in "biuf":
        torn = np.where(_torn(table.astype(np.float64), rows, starts, sizes), sizes, 0)
    else:
        labels = _numbered(table[rows]) if known is None else known[1][rows]
        torn = np.minimum(sizes, 2 * (sizes - _most_frequent(labels, starts, sizes)))
    return int(torn.sum()), len(rows)


def _starts_and_sizes(groups: Array) -> tuple[Array, Array]:
    """Where each group begins and how many rows it has; those of a group lie side by side."""
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    return starts, np.diff(np.concatenate([starts, [len(groups)]]))


def _torn(values: Array, rows: Array, starts: Array, sizes: Array) -> Array:
    """Which groups vary too much, in any column.

    The noise is told by the median group, since some may contradict. Variances of `size` values
    with normal noise follow a chi-squared distribution, whose quantiles are those of Wilson and
    Hilferty (1931), The distribution of chi-square, PNAS 17.
    """
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a column without any number
        limit = UNEXPLAINED * np.nanvar(values, axis=0)
        away = values[rows] - np.nanmean(values, axis=0)
        away -= np.repeat(np.add.reduceat(away, starts) / sizes[:, None], sizes, axis=0)
        free = (sizes - 1.0)[:, None]
        varied = np.add.reduceat(away**2, starts) / free
        noise = np.nanmedian(varied / _chi_squared(free, 0.5), axis=0)
        explained = noise * _chi_squared(free, 1.0 - BY_CHANCE / values.shape[1])
        limit = np.where(noise > limit, limit, np.maximum(limit, explained))
        torn: Array = np.any(varied > limit, axis=1)
    return torn


def _chi_squared(free: Array, part: float) -> Array:
    """The quantile of a chi-squared distribution, relative to its mean."""
    spread = 2.0 / (9.0 * free)
    return (1.0 - spread + NormalDist().inv_cdf(part) * np.sqrt(spread)) ** 3


def _most_frequent(labels: Array, starts: Array, sizes: Array) -> Array:
    """The rows of the most frequent label of each group."""
    groups = np.repeat(np.arange(len(starts)), sizes)
    pairs, counts = np.unique(np.stack([groups, labels]), axis=1, return_counts=True)
    most = np.zeros(len(starts), dtype=np.int64)
    np.maximum.at(most, pairs[0], counts)
    return most


def contradicting_share(x: Array, y: Array, task: str | None = None) -> float:
    """The share of rows whose inputs occur again with other targets, from 0 to 1.

    Args:
        x: inputs, the rows first.
        y: targets of the same rows.
        task: "classes" or "values" where the loss says which; else it is told from the numbers.
    """
    if not x.size or not y.size:
        return 0.0
    return contradicting_rows(read_parts(x, "x"), y, task_of(y, task))[0] / len(x)


def pure_error(x: Array, y: Array) -> float | None:
    """The least mean squared error: the variance of targets among rows with the same inputs.

    The pure error of a lack-of-fit test (Draper and Smith 1998, Applied Regression Analysis, 2.1).

    Args:
        x: inputs, the rows first.
        y: numbers as targets of the same rows.

    Returns:
        None where fewer than `REPEATED` of the rows have the inputs of another one.
    """
    if not x.size or not y.size or y.dtype.kind not in "biuf":
        return None
    rows, groups = repeated_rows(read_parts(x, "x"))
    if len(rows) < REPEATED * len(x):
        return None
    values = as_table(y)[rows].astype(np.float64)
    starts, sizes = _starts_and_sizes(groups)
    means = np.add.reduceat(values, starts) / sizes[:, None]
    away = values - np.repeat(means, sizes, axis=0)
    # What is fitted to these very rows may come as near as their own means.
    return float((away**2).mean() * len(rows) / len(x))


def targets_are_inputs(leaves: Iterable[tuple[str, Any]]) -> bool:
    """True where the only targets are an input, reshaped or not, as in an autoencoder.

    Args:
        leaves: the arrays of a batch or of all rows with their names.
    """
    leaves = list(leaves)
    y = [array.ravel() for name, array in leaves if name[0] == "y"]
    x = [array.ravel() for name, array in leaves if name[0] not in "ys"]
    return len(y) == 1 and any(np.array_equal(array, y[0]) for array in x)


def _numbered(table: Array) -> Array:
    """A number for each row, the same for equal ones."""
    texts = table if table.dtype.kind in "biuf" else table.astype(str)
    return np.unique(texts, axis=0, return_inverse=True)[1].reshape(-1)
