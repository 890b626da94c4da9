"""Rectifiers and clips that are at their edge throughout, with their input moved there."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.own_operations import (
    added_to_argument,
    operations_changed,
)
from pytest_converge.training.interventions.places import changed_in_places
from pytest_converge.training.keras_internals import Setting, calls_of_operation
from pytest_converge.training.measures.dead_operations import DeadOperation
from pytest_converge.training.training import Training

__all__ = ["in_place", "moved"]

#: Each rectifier as code, with what is added to its input.
MOVED = {
    "Maximum": "tf.maximum(x + {added}, {edge})",
    "Minimum": "tf.minimum(x + {added}, {edge})",
    "Relu": "tf.nn.relu(x + {added})",
    "Relu6": "tf.nn.relu6(x + {added})",
}
#: Each in words.
WORDS = {
    "Maximum": "maximum with {edge:g}",
    "Minimum": "minimum with {edge:g}",
    "Relu": "relu",
    "Relu6": "relu6",
}
#: What users call that makes a maximum and a minimum.
CLIPS = ("clip", "clip_by_value")


def moved(user: Training, dead: Sequence[DeadOperation], loss: str) -> Intervention | None:
    """About half of the numbers of each dead rectifier let through, where they can be.

    One constant each, from the first batch: the median of what it is given. What is fed with zeros
    alone has none.

    Args:
        user: the training, for the lines to paste.
        dead: the rectifiers.
        loss: what the user calls the loss or the step; empty for one without a name.
    """
    movable = _alike_in_a_line([each for each in dead if added(each) != "0"])
    if not movable:
        return None
    lines = list(dict.fromkeys(_own_line(user, each) or _line(each, loss) for each in movable))
    where = tuple(dict.fromkeys(x.layer for x in movable if x.layer))
    named = tuple(dict.fromkeys(in_place(each, loss) for each in movable))
    are = "are" if len(named) > 1 else "is"
    return Intervention(
        code="dead-units",
        change=f"{listed(tuple(dict.fromkeys(map(added, movable))))} added in front of it",
        fix="\n".join(lines),
        where=where,
        fault=f"{listed(named)} {are} {_edges(movable)} for every row at the start",
        variant=functools.partial(_variant, tuple(movable)),
    )


def _edges(dead: Sequence[DeadOperation]) -> str:
    return listed(tuple(dict.fromkeys(f"{each.edge:g}" for each in dead)))


def _alike_in_a_line(dead: Sequence[DeadOperation]) -> list[DeadOperation]:
    """Those that one line makes, as in a layer that there is twice, moved by the most of them."""

    def lowest(each: DeadOperation) -> float:
        if each.place is None:
            return each.middle
        return min(x.middle for x in dead if (x.place, x.kind) == (each.place, each.kind))

    return [dataclasses.replace(each, middle=lowest(each)) for each in dead]


def _own_line(user: Training, dead: DeadOperation) -> str:
    """In the user's own code, which may write 0 in front."""
    line = operations_changed(user, dead.layer, dead.kind, _moved(dead), at=dead.place, alone=True)
    return line or added_to_argument(user, dead.layer, CLIPS, added(dead), at=dead.place)


def _moved(dead: DeadOperation) -> str:
    return MOVED[dead.kind].format(added=added(dead), edge=float(f"{dead.edge:.6g}"))


def _line(dead: DeadOperation, loss: str) -> str:
    return f"{_moved(dead)}  # in {_place(dead, loss)}"


def in_place(dead: DeadOperation, loss: str) -> str:
    """The rectifier and its place, as "the relu in my_layer"."""
    return f"the {WORDS[dead.kind].format(edge=dead.edge)} in {_place(dead, loss)}"


def added(dead: DeadOperation) -> str:
    """What brings the median of its numbers to its edge, in three digits."""
    text = f"{dead.edge - dead.middle:.3g}"
    return "0" if text == "-0" else text


def _place(dead: DeadOperation, loss: str) -> str:
    return dead.layer or loss or "the loss"


def _variant(
    dead: tuple[DeadOperation, ...], training: Training
) -> contextlib.AbstractContextManager[None]:
    by_place: dict[str, dict[str, list[DeadOperation]]] = {}
    for each in dead:
        by_place.setdefault(each.layer, {}).setdefault(each.kind, []).append(each)
    settings: dict[str, list[Setting]] = {
        place: [
            setting
            for kind, of_kind in kinds.items()
            for setting in calls_of_operation(kind, functools.partial(_moving, of_kind))
        ]
        for place, kinds in by_place.items()
    }
    return changed_in_places(training, settings)


def _moving(dead: list[DeadOperation], original: Callable[..., Any]) -> Callable[..., Any]:
    """The dead ones among the calls of one step, which come in the same order in each."""
    shifts = {each.number: float(added(each)) for each in dead}
    turns = itertools.cycle(range(dead[0].of))

    @functools.wraps(original)
    def call(first: Any, *args: Any, **kwargs: Any) -> Any:
        if not any(_is_real(each) for each in (first, *args)):
            return original(first, *args, **kwargs)
        shift = shifts.get(next(turns), 0.0)
        if not shift:
            return original(first, *args, **kwargs)
        if args and isinstance(first, (int, float)):  # a maximum of 0 and a number
            return original(first, args[0] + shift, *args[1:], **kwargs)
        return original(first + shift, *args, **kwargs)

    return call


def _is_real(value: Any) -> bool:
    return hasattr(value, "dtype") and tf.as_dtype(value.dtype).is_floating
