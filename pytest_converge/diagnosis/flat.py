"""Places without a slope: flat starts, where no rate is too low, and ends at rest."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator

from pytest_converge.core.numbers import number
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.clues import Clues
from pytest_converge.training.interventions import starts
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.measures.curvature import curvature
from pytest_converge.training.measures.gradients import StepGradient, flat, measured_rows

__all__ = ["FlatStart", "came_to_rest", "escapes", "flat_start"]

#: A run whose loss moved by a smaller share stood still.
STOOD_STILL = 1e-3
#: The gradient at a flat start, and at the end of a run at rest, against others.
NO_SLOPE = 1e-3
#: Steps times rate times curvature from which gradient descent would settle (180 landscapes).
FEELS_CURVATURE = 5.0
#: Spread and number of the starts that are drawn to know a usual gradient, and to escape.
SPREADS, DRAWS = (1.0, 0.3), 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FlatStart:
    """The gradient norm at a start next to which there is none, and what other starts have."""

    own: float
    usual: float

    @property
    def message(self) -> str:
        """One sentence with both norms."""
        return (
            f"the start has no slope: a gradient norm of {number(self.own)}, where other starts"
            f" have {number(self.usual)}"
        )


def flat_start(lab: Laboratory, record: TrainingRecord, clues: Clues) -> FlatStart | None:
    """What shows that a deterministic training stood still because its start lies on a plateau.

    The loss did not move, the gradient is next to none against that of starts drawn elsewhere,
    and the curvature is too small to be a minimum or a saddle point at this rate.
    """
    norms = record.curve.gradient_norm
    if not lab.training.full_batch or record.nonfinite or not norms:
        return None
    first, last = record.curve.first, record.curve.last
    if not abs(first - last) <= STOOD_STILL * abs(first):
        return None
    try:
        usual = _usual_gradient(lab)
        if not max(norms) < NO_SLOPE * usual:
            return None
        lab.put_back()
        found = curvature(lab.training)
    except Exception:  # noqa: BLE001 - a clue that cannot be had is none
        return None
    finally:
        lab.put_back()
    bend = 0.0 if found is None else max(abs(found.largest), abs(found.smallest))
    if bend * abs(clues.rate) * lab.steps >= FEELS_CURVATURE:
        return None
    return FlatStart(own=norms[0], usual=usual)


def escapes() -> Iterator[Intervention]:
    """Starts elsewhere, from the nearest on; around 0 where the given one is far too large."""
    for spread in reversed(SPREADS):
        for around_zero in (False, True):
            for seed in range(DRAWS):
                yield starts.elsewhere(seed, spread, code="plateau", around_zero=around_zero)


def came_to_rest(record: TrainingRecord) -> bool:
    """True where the gradient at the end is next to none against the largest before."""
    norms = record.curve.gradient_norm
    return bool(norms) and not record.nonfinite and norms[-1] <= NO_SLOPE * max(norms)


def _usual_gradient(lab: Laboratory) -> float:
    """The median gradient norm of starts around the given one, or around 0 if that is larger."""
    gradient, medians = StepGradient(lab.training, trace=False), []
    for around_zero in (False, True):
        norms = []
        for seed in range(DRAWS):
            change = starts.elsewhere(seed, SPREADS[0], around_zero=around_zero)
            lab.put_back()
            values = {} if change.start is None else change.start(lab.training, {})
            lab.start.with_values(values).restore()
            mean = gradient.mean(measured_rows(lab.training))
            norms.append(0.0 if mean is None else float((flat(mean) ** 2).sum() ** 0.5))
        medians.append(statistics.median(norms))
    return max(medians)
