"""How much worse a training goes on one preparation of its features than on another, and why."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Sequence

from pytest_converge.core.pipeline_comparison import Exchange, PipelineRun
from pytest_converge.core.record import TrainingRecord
from pytest_converge.features.comparison.column_exchange import Features, exchanged
from pytest_converge.learning_rate.early_stop import hit, levelled

__all__ = ["Culprits", "Reference", "find_culprits"]

#: Where no max_loss says when a training has arrived: this share of the initial loss.
ARRIVED = 0.01
#: Columns that are exchanged one by one; more of them in groups first.
MOST_SINGLE = 32
GROUPS = 16


class Reference:
    """Compares courses with those of the reference from the same starts.

    The measure is the geometric mean of the loss over the course: it varies a tenth as much from
    start to start as the final loss does. Losses below the arrival count as the arrival, since
    nobody minds how far below two trainings end.

    Args:
        reference: the trainings of the reference.
        max_loss: where a training has arrived, or None.
    """

    def __init__(self, reference: Sequence[TrainingRecord], max_loss: float | None) -> None:
        self.reference = list(reference)
        initial = statistics.median(record.curve.first for record in reference)
        self._floor = ARRIVED * initial if max_loss is None else max_loss
        self._own = [self._score(record) for record in self.reference]
        ends = [record.curve.last for record in self.reference]
        self.target = statistics.median(ends) if max_loss is None else max_loss

    @property
    def usable(self) -> bool:
        """False where the reference itself leaves the finite numbers, or losses are negative."""
        return self._floor > 0 and all(map(math.isfinite, self._own))

    def factor(self, record: TrainingRecord, start: int) -> float:
        """By what factor the loss lies above that of the reference from the same start."""
        return math.exp(min(self._score(record) - self._own[start], 700.0))

    def run(self, features: Features, records: Sequence[TrainingRecord]) -> PipelineRun:
        """What the range of reports needs to know of the trainings on a preparation."""
        steps, losses = records[0].curve.trend
        return PipelineRun(
            name=features.name,
            final_losses=tuple(record.curve.last for record in records),
            factors=tuple(
                math.inf if math.isinf(self._score(record)) else self.factor(record, start)
                for start, record in enumerate(records)
            ),
            reached=tuple(self._step(record) for record in records),
            steps=steps,
            losses=losses,
            width=features.array.shape[-1],
        )

    def _score(self, record: TrainingRecord) -> float:
        """The mean logarithm of the loss over the course; infinite where it is not finite."""
        _, losses = record.curve.trend
        if record.nonfinite or not losses or not all(map(math.isfinite, losses)):
            return math.inf
        if self._floor <= 0:
            return math.nan
        return statistics.fmean(math.log(max(loss, self._floor)) for loss in losses)

    def _step(self, record: TrainingRecord) -> float | None:
        curve, course = record.curve, record.curve.course
        if not course or not math.isfinite(curve.last):
            return None
        return hit(levelled(course, curve.first, curve.last), self.target * (1 + 1e-9))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Culprits:
    """The columns that make the difference.

    Attributes:
        exchanges: groups of columns, alone in the reference, the most harmful first.
        columns: the names of those whose exchange brings the pipeline within the tolerance.
        mended: the smallest factor of all starts with them exchanged.
    """

    exchanges: tuple[Exchange, ...]
    columns: tuple[str, ...]
    mended: float


def find_culprits(
    own: Features,
    reference: Features,
    different: Sequence[int],
    worse: Callable[[Features, int], float],
    *,
    limit: float,
    starts: int,
) -> Culprits:
    """Exchanges columns between a pipeline and the reference, one group at a time.

    A group that alone spoils the reference is harmful; but columns may repair each other, so the
    smallest number of the most harmful groups whose exchange repairs the pipeline is what counts.

    Args:
        own: the pipeline that fails.
        reference: features of the same shape.
        different: numbers of the columns that differ, at least one.
        worse: the smallest factor of features on so many starts.
        limit: the factor that is allowed.
        starts: on how many the repair has to hold.
    """
    groups = _ranked(_groups(different), own, reference, worse)
    if len(different) > MOST_SINGLE:
        harmful = [column for factor, group in groups[:2] for column in group]
        rest = [(factor, group) for factor, group in groups[2:]]
        groups = _ranked([[column] for column in harmful], own, reference, worse) + rest
    columns = [group for _, group in groups]

    def repaired(count: int, on: int) -> float:
        picked = [column for group in columns[:count] for column in group]
        return worse(exchanged(own, reference, picked), on)

    low, high = 0, 1  # so many do not repair it, so many do
    while high < len(columns) and repaired(high, 1) > limit:
        low, high = high, min(2 * high, len(columns))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if repaired(middle, 1) <= limit else (middle, high)
    return Culprits(
        exchanges=tuple(
            Exchange(columns=tuple(own.columns[column] for column in group), factor=factor)
            for factor, group in groups
        ),
        columns=tuple(own.columns[column] for group in columns[:high] for column in group),
        mended=repaired(high, starts),
    )


def _groups(columns: Sequence[int]) -> list[list[int]]:
    size = 1 if len(columns) <= MOST_SINGLE else math.ceil(len(columns) / GROUPS)
    return [list(columns[i : i + size]) for i in range(0, len(columns), size)]


def _ranked(
    groups: list[list[int]],
    own: Features,
    reference: Features,
    worse: Callable[[Features, int], float],
) -> list[tuple[float, list[int]]]:
    """Each group of own columns alone in the reference, the most harmful first."""
    factors = [(worse(exchanged(reference, own, group), 1), group) for group in groups]
    return sorted(factors, key=lambda pair: -pair[0])
