"""Whether the inputs of a training say anything about its targets, told without its model."""

from __future__ import annotations

import numpy as np

from pytest_converge.columns.contradictions import targets_are_inputs
from pytest_converge.columns.signal import Signal, read_signal
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.measures.layer_inputs import counted_rows
from pytest_converge.training.model.losses import losses_of_outputs
from pytest_converge.training.training import Training

__all__ = ["signal_of"]

#: Losses whose targets are the number of a class, however many there are.
OF_CLASSES = frozenset({"sparse_categorical_crossentropy"})


def signal_of(training: Training) -> Signal | None:
    """What one epoch of rows says about the targets; of several targets those that are told best.

    Returns:
        None where the rows are not in memory, where there are no targets or too few rows, where
        they are no numbers, or where the targets are the inputs.
    """
    data = training.rows_in_memory
    if data is None or training.model is None:
        return None
    leaves = list(batch_leaves(counted_rows(data.arrays)))
    inputs = [array for name, array in leaves if name[0] == "x"]
    targets = {name: array for name, array in leaves if name[0] == "y"}
    if not inputs or not targets or targets_are_inputs(leaves):
        return None
    # Later epochs of a source repeat the rows of the first: neighbours would know their answers.
    rows = data.epoch_rows if len(inputs[0]) == data.rows else len(inputs[0])
    losses = {
        known.target: known.name for known in losses_of_outputs(training.model, list(targets))
    }
    found = []
    for name, array in targets.items():
        task = "classes" if losses.get(name) in OF_CLASSES else None
        signal = read_signal([part[:rows] for part in inputs], np.asarray(array)[:rows], task)
        if signal is not None:
            found.append(signal)
    return max(found, key=lambda signal: signal.skill) if len(found) == len(targets) else None
