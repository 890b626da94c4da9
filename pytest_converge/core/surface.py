"""The loss around a training's path or end, as numbers to be drawn."""

from __future__ import annotations

import dataclasses

__all__ = ["LossSurface"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LossSurface:
    """The loss on a line or a plane through the weights.

    Attributes:
        x, y: coordinates of the grid; `y` is empty for a line.
        losses: the loss at every x for each y; one row for a line. Not finite where it is not.
        names: what the coordinates are: the variables of a problem with one or two parameters, or
            directions through the weights of a model.
        path: (x, y, loss) of the weights on their way, from the start on; empty for a model.
        slice_of_model: the coordinates are steps along directions, in lengths of the weights, from
            where the training ended.
    """

    x: tuple[float, ...]
    y: tuple[float, ...] = ()
    losses: tuple[tuple[float, ...], ...]
    names: tuple[str, ...]
    path: tuple[tuple[float, float, float], ...] = ()
    slice_of_model: bool = False
