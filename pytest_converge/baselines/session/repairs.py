"""Whether a repair would satisfy the baseline of its test: asked by the diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_converge.baselines.gate.comparison import Comparison
from pytest_converge.baselines.session.baseline_gate import BaselineGate
from pytest_converge.baselines.session.runs import Runs
from pytest_converge.core.baseline import Value
from pytest_converge.core.record import TrainingRecord

__all__ = ["RepairGate"]

#: A run this far beyond the worst recorded one, in spreads of all of them, is worse without a
#: second look: of 20 normal scores 3.7 standard deviations from their mean.
FAR = 0.5


class RepairGate:
    """Judges runs of a repaired training as the gate would, and records nothing.

    Args:
        gate: holds the recorded runs.
        runs: scores the records of the training.
        environment: what may change the numbers a little.
    """

    def __init__(self, gate: BaselineGate, runs: Runs, environment: Mapping[str, Value]) -> None:
        self._gate = gate
        self._runs = runs
        self._environment = environment

    def is_far_worse(self, record: TrainingRecord) -> bool:
        """Whether one run alone is far worse than every recorded one."""
        return any(map(_is_far, self._gate.compared([self._runs.scored(record)])))

    def fails(self, run: Callable[[int], TrainingRecord]) -> bool:
        """Whether the gate, which asks for as many runs as it needs, turns red.

        Args:
            run: makes the run from the start with this number, of the seeds of the baseline.
        """
        return bool(self.code(run))

    def code(self, run: Callable[[int], TrainingRecord]) -> str:
        """The code of the failing gate; empty where it passes; see `fails`."""
        said = self._gate.finding_about(
            lambda number: self._runs.scored(run(number)), self._environment
        )
        return said.code if said is not None and said.fails else ""


def _is_far(part: Comparison) -> bool:
    worsened, (score,) = part.worsened, part.new
    worst = max(worsened)
    return score > worst and not score - worst < FAR * (worst - min(worsened))
