"""Copies of a variable that the user's function holds and reads in its place.

A value that is taken out of a variable before the training, as by `tf.identity(v)` or `v.numpy()`
outside of the loss, stays what it was, and no gradient leads from it to the variable.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.adapters.seen import Held, held_by
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.named_variables import one_variable
from pytest_converge.training.state.snapshot import attributes_set, name_of
from pytest_converge.training.training import Training

__all__ = ["read_anew"]

#: What TensorFlow calls a variable that has no name.
UNNAMED = "Variable"


def read_anew(training: Training, places: list[int], code: str) -> Intervention | None:
    """The variables themselves in place of what was copied of them.

    Args:
        training: of the user, where it began.
        places: of variables that get no gradient, among the trained ones.
        code: the cause that it proves.

    Returns:
        None where no value that the function holds is that of one of them.
    """
    held = [each for each in held_by(training.function) if each.owner is not None]
    found: dict[tuple[int, str], tuple[Held, int]] = {}
    for place in places:
        for each in held:
            if _is_copy(each.value, training.trainable[place]):
                found.setdefault((id(each.owner), each.attribute), (each, place))
    if not found:
        return None
    changes = [(x.owner, x.attribute, training.trainable[place]) for x, place in found.values()]
    lines, seen = [], []
    for each, place in found.values():
        name = one_variable(training, place) or _own_name(training.trainable[place], place)
        lines.append(f"{each.name} = {name}  # read in each step, not copied before")
        seen.append(f"{each.name} is a copy of {name}")
    return Intervention(
        code=code,
        change=" and ".join(f"{each.name} read in each step" for each, _ in found.values()),
        fix="\n".join(lines),
        fault=f"{' and '.join(seen)}, made before the training",
        variant=lambda _: attributes_set(changes),
    )


def _own_name(variable: Any, place: int) -> str:
    """The name that a variable was given, where its user gave it one."""
    name = name_of(variable)
    return name if name.isidentifier() and name != UNNAMED else f"variables[{place}]"


def _is_copy(value: Any, variable: Any) -> bool:
    """Whether a number or an array, which is no variable, has the values of one."""
    if isinstance(value, bool) or not isinstance(
        value, (float, int, np.generic, np.ndarray, tf.Tensor)
    ):
        return False
    if isinstance(value, tf.Tensor) and not hasattr(value, "numpy"):
        return False
    array, own = np.asarray(value), variable.numpy()
    if array.dtype.kind not in "iuf" or array.shape != own.shape or not own.size:
        return False
    common = own.size == 1 and float(own.ravel()[0]) in (0.0, 1.0)
    alike = own.size > 1 and (own == own.ravel()[0]).all()
    # Zeros and ones are anybody's numbers.
    return not common and not alike and bool(np.array_equal(array.astype(own.dtype), own))
