"""The transpose of a vector as a column, so that a difference with it is one of all pairs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from pytest_converge.training.interventions import own_operations
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.places import changed_in_places
from pytest_converge.training.keras_internals import calls_of_operation
from pytest_converge.training.measures.cancelled import Cancelled
from pytest_converge.training.training import Training

__all__ = ["all_pairs"]


def all_pairs(user: Training, found: Cancelled) -> Intervention | None:
    """Vectors that are transposed as columns, in the place in which their difference is 0.

    Args:
        user: the training, for the line to paste.
        found: the difference.

    Returns:
        None where no vector is transposed.
    """
    if found.transposed == ():
        return None

    def column(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(x: Any, *args: Any, **settings: Any) -> Any:
            is_vector = getattr(getattr(x, "shape", None), "rank", None) == 1
            return tf.expand_dims(x, 1) if is_vector else original(x, *args, **settings)

        return call

    own = own_operations.operations_changed(
        user, found.layer, "Transpose", "x[:, None]", at=found.transposed or None, alone=True
    )
    return Intervention(
        code="unread-data",
        change="a column in place of the transposed vector",
        fix=own or "v[:, None]  # instead of tf.transpose(v), which is v itself",
        variant=lambda training: changed_in_places(
            training, {found.layer: calls_of_operation("Transpose", column)}
        ),
    )
