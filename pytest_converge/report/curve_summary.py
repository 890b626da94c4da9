"""The course of a training in the few numbers that every report gives, and their words."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from pytest_converge.core import numbers
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.result import Run

__all__ = ["CurveSummary", "starts_passed", "summarised"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CurveSummary:
    """Where the loss started, went and ended.

    Attributes:
        curve: the curve, thinned, so that a result reads the same before and after it crossed
            to another process.
        steps: updates done at each point.
        losses: the loss at each point; the last is not finite where the training ended in a
            loss that is not, whether or not a checkpoint saw it.
        first: the initial loss.
        last: the final loss.
        best: the lowest finite loss, or None.
        best_step: updates done where it was seen.
    """

    curve: LossCurve
    steps: tuple[int, ...]
    losses: tuple[float, ...]
    first: float
    last: float
    best: float | None
    best_step: int

    @property
    def partial(self) -> bool:
        """True where the points between were measured on fewer rows than the two ends."""
        if not self.curve.checkpoints:
            return False
        ends = (self.first, self.losses[0]), (self.last, self.losses[-1])
        return any(
            math.isfinite(whole + part) and not math.isclose(whole, part, rel_tol=1e-3)
            for whole, part in ends
        )

    @property
    def ends(self) -> str:
        """`2.303 -> 0.4310`: the first and the last loss."""
        return f"{numbers.loss(self.first)} -> {numbers.loss(self.last)}"

    @property
    def lowest(self) -> str:
        """`lowest 0.2500 at step 40`; empty where no loss was finite."""
        if self.best is None:
            return ""
        return f"lowest {numbers.loss(self.best)} at step {self.best_step}"

    @property
    def done(self) -> str:
        """`200 steps`: the updates that were done."""
        return numbers.counted(self.curve.updates, "step")

    @property
    def norms(self) -> str:
        """`gradient norm 3.500 -> 0.1769`; empty where it was not seen."""
        norms = self.curve.gradient_norm
        if not norms:
            return ""
        return f"gradient norm {numbers.change(*map(numbers.loss, (norms[0], norms[-1])))}"


def starts_passed(runs: Sequence[Run]) -> str:
    """`2 of 3 starts passed`; empty for one start."""
    passed = sum(run.passed for run in runs)
    return f"{passed} of {len(runs)} starts passed" if len(runs) > 1 else ""


def summarised(curve: LossCurve) -> CurveSummary:
    """The course of `curve`, which may have no steps at all."""
    curve = curve.thinned()
    steps, losses = curve.trend
    points = list(zip(losses, steps, strict=True))
    if curve.checkpoints:
        # The two ends may be measured on more rows than the checkpoints, which gives the better
        # number; a training that broke off has none at its end.
        ends = [(curve.first, 0), (curve.last, curve.updates)]
        better = {step for loss, step in ends if math.isfinite(loss)}
        points = [point for point in points if point[1] not in better] + ends
    best = min((point for point in points if math.isfinite(point[0])), default=None)
    ended_badly = not all(map(math.isfinite, (*curve.batch_loss, curve.last)))
    if ended_badly and losses and all(map(math.isfinite, losses)):
        steps, losses = (*steps, curve.updates), (*losses, math.nan)
    return CurveSummary(
        curve=curve,
        steps=steps,
        losses=losses,
        first=curve.first,
        last=curve.last,
        best=best[0] if best else None,
        best_step=best[1] if best else 0,
    )
