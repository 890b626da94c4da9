"""The loss of one training: at each step and checkpoint, and around its path."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

from pytest_converge.core.serialisation import Serialisable

__all__ = ["LossCurve", "LossPoints", "LossSurface", "SurfaceMode"]

#: (updates done, loss) where the loss is known, in the order of the updates.
LossPoints = Sequence[tuple[int, float]]
#: Of which trainings the loss surface is measured.
SurfaceMode = Literal["all", "failed", "off"]

#: Steps kept when a curve is written to a report: enough for a picture wider than any terminal.
THINNED_STEPS = 512
#: The final loss of a training without a probe set is the median of this last share of its batch
#: losses; one batch loss is four times noisier across seeds than the probe loss.
TAIL_SHARE = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LossCurve(Serialisable):
    """Losses, gradient norms and learning rates of one training.

    Attributes:
        steps: the numbers of the recorded steps, counted from 1; each has an entry in the next
            three. All steps unless the curve was thinned.
        batch_loss: the loss on the step's batch, before its update.
        gradient_norm: the global L2 norm of the gradients; empty where it cannot be seen.
        learning_rate: the learning rate of the update; empty where it cannot be seen.
        checkpoints: updates done before each probe, rising from 0; empty without a probe set.
        probe_loss: the loss at each checkpoint, always on the same rows, in training mode.
        initial_loss: the loss on the whole probe set before the first update; None without one.
        final_loss: the loss on the whole probe set after the last update; None without one.
        inference_loss: the loss on the whole probe set in inference mode at the end, or None.
    """

    steps: tuple[int, ...]
    batch_loss: tuple[float, ...]
    gradient_norm: tuple[float, ...] = ()
    learning_rate: tuple[float, ...] = ()
    checkpoints: tuple[int, ...] = ()
    probe_loss: tuple[float, ...] = ()
    initial_loss: float | None = None
    final_loss: float | None = None
    inference_loss: float | None = None

    @property
    def updates(self) -> int:
        """Optimizer updates done."""
        return self.steps[-1] if self.steps else 0

    @property
    def first(self) -> float:
        """The initial loss: on the probe set, else the median of the first batch losses."""
        if self.initial_loss is not None:
            return self.initial_loss
        return _median(self.batch_loss[: self._tail_length()])

    @property
    def last(self) -> float:
        """The loss that bounds are compared with.

        On the probe set after the last step, else the median of the last tenth of the batch losses.
        """
        if self.final_loss is not None:
            return self.final_loss
        return _median(self.batch_loss[-self._tail_length() :])

    @property
    def trend(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Updates done and loss at the points by which the course is judged and drawn.

        The checkpoints where there is a probe set, else medians of up to 32 equal stretches of
        the batch losses.
        """
        if self.checkpoints:
            return self.checkpoints, self.probe_loss
        return _stretches(self.steps, self.batch_loss, 32)

    @property
    def course(self) -> tuple[tuple[int, float], ...]:
        """The same as pairs of updates done and loss."""
        return tuple(zip(*self.trend, strict=True))

    def thinned(self, most: int = THINNED_STEPS) -> LossCurve:
        """The curve with at most `most` steps: what a picture of so many points can show.

        Of each stretch it has the first step and those of the lowest and the highest batch loss and
        gradient norm, so that a spike of one step in either stays visible; and both ends. `first`
        and `last` stay what they were, also where they are medians of all batch losses.
        """
        count = len(self.steps)
        if count <= most:
            return self
        heights = [_heights(series) for series in (self.batch_loss, self.gradient_norm) if series]
        chosen, parts = {0, count - 1}, (most - 2) // (1 + 2 * len(heights))
        edges = [round(i * count / parts) for i in range(parts + 1)] if parts else []
        for a, b in itertools.pairwise(edges):
            chosen.add(a)
            for stretch in [height[a:b] for height in heights]:
                chosen |= {a + stretch.index(end(stretch)) for end in (min, max)}
        kept = sorted(chosen)

        def pick(values: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(values[i] for i in kept) if values else ()

        return dataclasses.replace(
            self,
            steps=pick(self.steps),
            batch_loss=pick(self.batch_loss),
            gradient_norm=pick(self.gradient_norm),
            learning_rate=pick(self.learning_rate),
            initial_loss=self.first,
            final_loss=self.last,
        )

    def _tail_length(self) -> int:
        return max(1, round(TAIL_SHARE * len(self.batch_loss)))


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


def _heights(values: Sequence[float]) -> Sequence[float]:
    """The values; one that is not finite is higher than any that is."""
    if all(map(math.isfinite, values)):
        return values
    return [value if math.isfinite(value) else math.inf for value in values]


def _median(values: Sequence[float]) -> float:
    """The median; NaN where a value is not finite or there is none."""
    if not values or not all(math.isfinite(value) for value in values):
        return math.nan
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def _stretches(
    steps: Sequence[int], losses: Sequence[float], most: int
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    count = min(most, len(losses))
    edges = [round(i * len(losses) / count) for i in range(count + 1)] if count else [0]
    parts = list(itertools.pairwise(edges))
    return (
        tuple(steps[(a + b - 1) // 2] for a, b in parts),
        tuple(_median(losses[a:b]) for a, b in parts),
    )
