"""Logits that no weights bring out of a range, as cosines: their softmax is never sure."""

from __future__ import annotations

import dataclasses
import math

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.logits import READS_CLASSES
from pytest_converge.training.measures.output_range import (
    FACTORS,
    KNOWN,
    ROUNDING,
    under_other_weights,
)
from pytest_converge.training.measures.recording import recorded
from pytest_converge.training.training import Training

__all__ = ["BoundedLogits", "bounded_logits"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BoundedLogits:
    """The logits that a cross-entropy takes, under any weights.

    Attributes:
        low, high: the ends of their range.
        farthest: the largest distance from 0 that was seen.
        classes: how many of them there are in a row.
        kinds: the operations that take them.
    """

    low: float
    high: float
    farthest: float
    classes: int
    kinds: frozenset[str]

    @property
    def floor(self) -> float:
        """The least cross-entropy: the right class at the upper end, all others at the lower."""
        return math.log1p((self.classes - 1) * math.exp(self.low - self.high))


def bounded_logits(training: Training) -> BoundedLogits | None:
    """The range of all logits of a step on the first batch; None where weights lead out of it.

    They are looked at under the present weights, multiples of them, and of random ones. Changes no
    variable.
    """
    least, most, classes, kinds = math.inf, -math.inf, 0, frozenset[str]()
    for _ in under_other_weights(training, FACTORS):
        flow = Flow(recorded(training, training.first_batch()))
        taken = [each for each in flow.needed if each.kind in READS_CLASSES]
        if not taken:
            return None
        values = [each.inputs[0].numpy() for each in taken]
        least = min(least, *(float(part.min()) for part in values))
        most = max(most, *(float(part.max()) for part in values))
        if not (least >= KNOWN[-1][0] - ROUNDING and most <= KNOWN[-1][1] + ROUNDING):
            return None
        classes = min(int(part.shape[-1]) for part in values)
        kinds = frozenset(each.kind for each in taken)
    for low, high in KNOWN:
        if least >= low - ROUNDING and most <= high + ROUNDING and most - least > ROUNDING:
            farthest = max(abs(least), abs(most))
            return BoundedLogits(
                low=low, high=high, farthest=farthest, classes=classes, kinds=kinds
            )
    return None
