"""The loss along single numbers of a training without data: where it is lowest."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from pytest_converge.training.data.batches import Chunk
from pytest_converge.training.loop.compiled_loop import Loop
from pytest_converge.training.measures.gradients import undisturbed

__all__ = ["LowestPoint", "lowest_along_a_number"]

#: Points on each line, and how far it reaches to either side of a number, in its size plus 1: a
#: valley of a tenth of that size has a point in it, at the cost of as many looks at the loss.
POINTS, REACH = 257, 10.0
#: Numbers at most along which is looked, one after the other.
MOST_NUMBERS = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LowestPoint:
    """The lowest point of the loss on any of the lines.

    Attributes:
        place: of the variable among those that are trained.
        index: of the number in it, counted through.
        away: how far it is from the number as it is.
        value: of the number there.
        loss: there.
    """

    place: int
    index: int
    away: float
    value: float
    loss: float


def lowest_along_a_number(loop: Loop) -> LowestPoint | None:
    """Looks at the loss with one number changed and all others as they are; changes nothing.

    Args:
        loop: of a training every step of which sees the same loss, with a step that was traced.

    Returns:
        None where the training has data or more numbers than a few, or no such loss is finite.
    """
    variables = loop.training.trainable
    count = sum(int(variable.shape.num_elements()) for variable in variables)
    if not loop.training.full_batch or count > MOST_NUMBERS:
        return None
    found: list[LowestPoint] = []
    with undisturbed(loop.training):
        for place, variable in enumerate(variables):
            own = variable.numpy()
            if own.dtype.kind != "f":
                continue
            for index, number in enumerate(own.ravel()):
                for away in np.linspace(-1.0, 1.0, POINTS) * REACH * (abs(float(number)) + 1.0):
                    moved = own.copy().reshape(-1)
                    moved[index] += away
                    variable.assign(moved.reshape(own.shape))
                    loss = loop.probe_loss([Chunk(None, 1)])
                    point = LowestPoint(
                        place=place,
                        index=index,
                        away=float(away),
                        value=float(moved[index]),
                        loss=loss,
                    )
                    found += [point] if math.isfinite(loss) else []
            variable.assign(own)
    return min(found, key=lambda point: point.loss, default=None)
