"""The result of a convergence test: what was measured, judged and said."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pytest_converge.core.baseline import BaselineReport
from pytest_converge.core.curve import LossCurve, LossSurface
from pytest_converge.core.diagnosis import Diagnosis
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.serialisation import Serialisable

__all__ = ["ConvergenceResult", "Run"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run(Serialisable):
    """One start of a training: its record and what was found in it."""

    record: TrainingRecord
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """True where no gate failed."""
        return not any(finding.fails for finding in self.findings)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConvergenceResult(Serialisable):
    """What a verb returns, and what `ConvergenceError.result` holds.

    Attributes:
        test: the id of the test.
        verb: "fit", "minimize" or "step".
        number: which training of its test this is, counted from 1.
        expectation: what was expected.
        runs: one a start; the first with the base seed.
        diagnosis: why the training failed; None where it passed or no diagnosis was asked for.
        baseline: what came of the comparison with recorded runs; None where there was none.
        surface: the loss around the path or the end of the first start; None where nobody wanted
            to see it, or there is none.
        environment: versions, device and threads, by which other last digits can be explained.
        command: what runs its test again with the same seed and steps.
    """

    test: str
    verb: str
    number: int = 1
    expectation: Expectation
    runs: tuple[Run, ...]
    diagnosis: Diagnosis | None = None
    baseline: BaselineReport | None = None
    surface: LossSurface | None = None
    environment: Mapping[str, int | str] = dataclasses.field(default_factory=dict)
    command: str = ""

    @property
    def passed(self) -> bool:
        """True where every start passed every gate."""
        return all(run.passed for run in self.runs)

    @property
    def shown_run(self) -> Run:
        """The run to show: the first that failed, else the first."""
        return next((run for run in self.runs if not run.passed), self.runs[0])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the shown run, failing ones first."""
        return tuple(sorted(self.shown_run.findings, key=lambda finding: not finding.fails))

    @property
    def curve(self) -> LossCurve:
        """The loss curve of the shown run."""
        return self.shown_run.record.curve

    @property
    def initial_loss(self) -> float:
        """The loss before the first update."""
        return self.curve.first

    @property
    def final_loss(self) -> float:
        """The loss that bounds are compared with."""
        return self.curve.last

    @property
    def metrics(self) -> Mapping[str, float]:
        """Compiled metrics at the end, in inference mode."""
        return self.shown_run.record.metrics

    @property
    def skill(self) -> float | None:
        """The advantage over the best constant prediction, where it is known."""
        return self.shown_run.record.skill

    @property
    def steps(self) -> int:
        """Optimizer updates done by the shown run."""
        return self.curve.updates

    @property
    def seconds(self) -> float:
        """Wall time of all runs, those for the baseline included."""
        more = 0.0 if self.baseline is None else self.baseline.seconds
        return sum((run.record.seconds for run in self.runs), more)
