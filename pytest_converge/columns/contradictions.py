"""What rows say of each other: the same inputs with other targets, targets that are the inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["contradicting_share", "targets_are_inputs"]


def contradicting_share(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """The share of rows whose inputs occur again with other targets, from 0 to 1.

    Args:
        x: inputs, the rows first.
        y: targets of the same rows.
    """
    flat = np.ascontiguousarray(x.reshape(len(x), -1))
    _, group = np.unique(flat, axis=0, return_inverse=True)
    values = y.reshape(len(y), -1).astype(np.float64)
    order = np.argsort(group, kind="stable")
    sorted_group, sorted_values = group[order], values[order]
    same = sorted_group[1:] == sorted_group[:-1]
    differs = (sorted_values[1:] != sorted_values[:-1]).any(axis=1) & same
    torn = np.unique(sorted_group[1:][differs])
    return float(np.isin(group, torn).mean()) if len(x) else 0.0


def targets_are_inputs(leaves: Iterable[tuple[str, Any]]) -> bool:
    """True where the only targets are an input, reshaped or not, as in an autoencoder.

    Args:
        leaves: the arrays of a batch or of all rows with their names.
    """
    leaves = list(leaves)
    y = [array.ravel() for name, array in leaves if name[0] == "y"]
    x = [array.ravel() for name, array in leaves if name[0] not in "ys"]
    return len(y) == 1 and any(np.array_equal(array, y[0]) for array in x)
