"""Angles in radians for sines and cosines that are given degrees."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import tensorflow as tf

from pytest_converge.core.numbers import number
from pytest_converge.training.interventions import own_operations
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.places import changed_in_places
from pytest_converge.training.keras_internals import Setting, calls_of_operation
from pytest_converge.training.measures.degrees import InDegrees
from pytest_converge.training.training import Training

__all__ = ["radians"]

#: The code of an angle that is held in `x`.
OF_DEGREES = "x * np.pi / 180"


def radians(found: Sequence[InDegrees]) -> Intervention:
    """The arguments of some sines and cosines as radians of the degrees that they are.

    Args:
        found: the operations.
    """
    largest = max(each.largest for each in found)
    read = " and ".join(sorted({each.kind.lower() for each in found}, reverse=True))
    layers = tuple(dict.fromkeys(each.layer for each in found if each.layer))
    many = " and" in read
    return Intervention(
        code="output-loss-mismatch",
        change="angles in radians",
        fix=_line(found),
        where=layers,
        fault=(
            f"{read} {'read' if many else 'reads'} radians and {'are' if many else 'is'} given"
            f" numbers up to {number(largest)}"
        ),
        variant=lambda training: _variant(found, training),
    )


def _line(found: Sequence[InDegrees]) -> str:
    """The arguments in the user's own code; else the arrays that are angles as they are."""
    places = [(each.kind, each.place) for each in found]
    own = own_operations.arguments_changed(places, OF_DEGREES)
    if own:
        return own
    arrays = dict.fromkeys(each.array for each in found)
    if all(arrays):
        return "\n".join(f"{name} = np.deg2rad({name})" for name in arrays)
    names = dict.fromkeys(each.kind.lower() for each in found)
    where = found[0].layer or "the loss"
    return "\n".join(f"tf.{name}({OF_DEGREES})  # in {where}" for name in names)


@contextlib.contextmanager
def _variant(found: Sequence[InDegrees], training: Training) -> Iterator[None]:
    settings: dict[str, list[Setting]] = {}
    for kind, layer, of in dict.fromkeys((x.kind, x.layer, x.of) for x in found):
        numbers = {x.number for x in found if (x.kind, x.layer) == (kind, layer)}
        other = functools.partial(_of_degrees, numbers, of)
        settings.setdefault(layer, []).extend(calls_of_operation(kind, other))
    with changed_in_places(training, settings):
        yield


def _of_degrees(
    numbers: Collection[int], of: int, original: Callable[..., Any]
) -> Callable[..., Any]:
    turns = itertools.cycle(range(of))

    @functools.wraps(original)
    def call(x: Any, *args: Any, **settings: Any) -> Any:
        if next(turns) in numbers:
            x = tf.convert_to_tensor(x)
            x = x * tf.constant(math.pi / 180, x.dtype)
        return original(x, *args, **settings)

    return call
