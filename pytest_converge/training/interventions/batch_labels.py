"""Labels of two values among the arrays that a step takes, and other values in their place."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.batch_arrays import in_array
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.outputs import other_encodings
from pytest_converge.training.interventions.targets import has_two_values, with_labels
from pytest_converge.training.measures.compared import (
    DIFFERENCES,
    compared_with,
    is_added_up,
    weighs_rows,
)
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import recorded
from pytest_converge.training.training import Training

__all__ = ["BatchLabels", "batch_labels", "relabelled"]

Array = np.ndarray[Any, Any]

#: Operations by which labels weigh what predictions cost, as in a cross-entropy.
WEIGHING = frozenset({"Mul", "Xlogy"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BatchLabels:
    """An array of two values, one a row, that predictions are compared with.

    Attributes:
        name: as `y` or `data[2]`.
        values: of all rows in memory, else of the first batch.
        near: True where predictions are to come near to them.
        linear: True where the loss of a row is a mean of two, weighed by them.
    """

    name: str
    values: Array
    near: bool
    linear: bool


def batch_labels(training: Training) -> list[BatchLabels]:
    """Those of a training whose step is the user's own; weights of rows are none."""
    batch, rows = training.first_batch(), training.rows_in_memory
    arrays = dict(batch_leaves(batch if rows is None else rows.arrays))
    likely = {name: np.asarray(array) for name, array in arrays.items()}
    likely = {name: array for name, array in likely.items() if has_two_values(array)}
    if not likely:
        return []
    flow, found = Flow(recorded(training, batch)), []
    for name, values in likely.items():
        rows_seen = flow.recording.leaves[name].shape.num_elements()
        # One-hot rows that are made of an array are a choice, of an action as well.
        seen = [
            each
            for each in compared_with(flow, name, alone=True)
            if each[1].shape.num_elements() == rows_seen
        ]
        if seen and not weighs_rows(flow, name):
            near = any(operation.kind in DIFFERENCES for operation, _, _ in seen)
            linear = all(
                operation.kind in WEIGHING and is_added_up(flow, operation)
                for operation, _, _ in seen
            )
            found.append(BatchLabels(name=name, values=values, near=near, linear=linear))
    return found


def relabelled(training: Training, labels: BatchLabels) -> list[tuple[Intervention, Intervention]]:
    """Other labels in place of two values, each with its control: the same of other rows.

    Not below 0 where a loss is linear in them: what rows cost would be counted as gained.
    """
    return [
        _changed(training, labels, old, new, said)
        for old, new, said in other_encodings(labels.values, swapped=True)
        if not (labels.linear and min(new) < 0)
    ]


def _changed(
    training: Training,
    labels: BatchLabels,
    old: tuple[float, ...],
    new: tuple[float, ...],
    said: Intervention,
) -> tuple[Intervention, Intervention]:
    name = labels.name
    # Labels nearer to each other have smaller errors, and nothing is learnt by that.
    unit = min(((new[1] - new[0]) / (old[1] - old[0])) ** 2, 1.0) if labels.near else 1.0
    told = dataclasses.replace(
        said,
        change=f"{name}: {said.change}",
        fix=re.sub(r"\by\b", name, said.fix),
        where=(name,),
        loss_factor=unit,
    )
    change = in_array(
        told,
        training,
        name,
        of_rows=lambda array: with_labels(array, old, new),
        of_batch=lambda leaf: _replaced(leaf, old, new),
    )
    question = Intervention(
        code=said.code,
        change=f"{told.change}, of other rows (control)",
        redefines_loss=True,
        loss_factor=unit,
    )
    control = in_array(
        question,
        training,
        name,
        of_rows=lambda array: with_labels(_of_other_rows(training, array), old, new),
        of_batch=lambda leaf: _replaced(_in_random_order(leaf), old, new),
    )
    return change, control


def _replaced(leaf: Any, old: tuple[float, ...], new: tuple[float, ...]) -> Any:
    """The same as `with_labels`, of a tensor."""
    replaced = leaf if leaf.dtype.is_floating else tf.cast(leaf, tf.float32)
    given = replaced
    for before, after in zip(old, new, strict=True):
        replaced = tf.where(given == before, tf.cast(after, replaced.dtype), replaced)
    return replaced


def _in_random_order(leaf: Any) -> Any:
    order = tf.argsort(tf.random.stateless_uniform([tf.shape(leaf)[0]], seed=(0, 0)))
    return tf.gather(leaf, order)


def _of_other_rows(training: Training, array: Array) -> Array:
    """The labels in random order; a row that comes again, as in each epoch, has the same again."""
    rows: ArrayData | None = training.rows_in_memory
    leaves = [] if rows is None else [leaf for _, leaf in batch_leaves(rows.arrays)]
    numbers = [np.ascontiguousarray(leaf) for leaf in leaves if leaf.dtype.kind in "biuf"]
    tables = [leaf.reshape(len(leaf), -1).view(np.uint8) for leaf in numbers]
    table = np.ascontiguousarray(np.concatenate(tables, axis=1))
    whole = table.view(np.dtype((np.void, table.shape[1]))).ravel()
    _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(first))
    permuted: Array = array[first][order][which.ravel()]
    return permuted
