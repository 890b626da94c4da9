"""Several preparations of the same features, by how well the training goes on each."""

from __future__ import annotations

import dataclasses
import math
import statistics
from typing import ClassVar

from pytest_converge.core.serialisation import Serialisable
from pytest_converge.core.study import Study

__all__ = ["Exchange", "PipelineComparison", "PipelineRun"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRun(Serialisable):
    """The trainings on one preparation, one a start.

    Attributes:
        name: what the user called it; "z-scored ..." for the reference.
        final_losses: the loss at the end of each.
        factors: by what factor the loss of each lies above that of the reference from the same
            start, in the geometric mean over its course; below 1 where it is better, infinite
            where the loss was not finite.
        reached: the number of updates at which each reached the target, or None.
        steps, losses: the course of the first, for pictures.
        width: how many columns the features have.
    """

    name: str
    final_losses: tuple[float, ...]
    factors: tuple[float, ...]
    reached: tuple[float | None, ...]
    steps: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()
    width: int

    @property
    def final_loss(self) -> float:
        """The median of the final losses; NaN where one is not finite."""
        finite = all(map(math.isfinite, self.final_losses))
        return statistics.median(self.final_losses) if finite else math.nan

    @property
    def factor(self) -> float:
        """The smallest factor of all starts: what every start agrees on."""
        return min(self.factors)

    @property
    def step(self) -> float | None:
        """The median of the updates to the target; None where most starts did not reach it."""
        ordered = sorted(math.inf if step is None else step for step in self.reached)
        middle = ordered[len(ordered) // 2]
        return middle if math.isfinite(middle) else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(Serialisable):
    """The reference with some columns of the judged pipeline, trained from the first start.

    Attributes:
        columns: the columns, by name.
        factor: by what factor its loss lies above that of the reference.
    """

    columns: tuple[str, ...]
    factor: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PipelineComparison(Study):
    """What `preprocessing.compare` returns, and what `PreprocessingError.study` holds.

    Attributes:
        judged: the name of the pipeline under test.
        tolerance: by what share its loss may lie above that of the reference.
        target: the loss whose step is reported: `max_loss`, else the final loss of the reference.
        runs: the reference first, then the pipelines in the order given.
        exchanges: each group of columns that differs, alone in the reference; the most harmful
            first. Made only where the judged pipeline fails.
        culprits: the columns whose exchange with the reference brings the judged pipeline within
            the tolerance, by name.
        mended: its factor with them exchanged; None where nothing was exchanged.
        obstacle: why columns could not be exchanged; empty where they could.
        steps: updates of each training.
        seconds: wall time of all.
    """

    kind: ClassVar[str] = "preprocessing-comparison"

    judged: str
    tolerance: float
    target: float
    runs: tuple[PipelineRun, ...]
    exchanges: tuple[Exchange, ...] = ()
    culprits: tuple[str, ...] = ()
    mended: float | None = None
    obstacle: str = ""
    steps: int
    seconds: float = 0.0

    @property
    def reference(self) -> PipelineRun:
        """The z-scored features of the first pipeline."""
        return self.runs[0]

    @property
    def judged_run(self) -> PipelineRun:
        """The pipeline under test."""
        return self[self.judged]

    @property
    def scalars(self) -> dict[str, float | int | str]:
        """The few numbers and words that say what came of it, by name."""
        return {
            "judged": self.judged,
            "factor": self.judged_run.factor,
            "final_loss": self.judged_run.final_loss,
            "reference_loss": self.reference.final_loss,
            "culprits": ", ".join(self.culprits),
            "seconds": round(self.seconds, 3),
        }

    def __getitem__(self, name: str) -> PipelineRun:
        """The trainings on a pipeline, by its name."""
        return next(run for run in self.runs[1:] if run.name == name)

    @property
    def passed(self) -> bool:
        """False where the judged pipeline is worse beyond the tolerance from every start."""
        return not self.judged_run.factor > 1.0 + self.tolerance
