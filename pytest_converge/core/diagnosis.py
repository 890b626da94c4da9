"""The diagnosis of a failed training: the cause, its proof, and everything that was tried."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from pytest_converge.core.finding import Evidence
from pytest_converge.core.serialisation import Serialisable

__all__ = ["Diagnosis", "DiagnosisMode", "NamedCause", "RateBracket", "Trial"]


#: How long to look for a cause.
DiagnosisMode = Literal["quick", "full", "off"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial(Serialisable):
    """One change that was tried from the same start, on one or more seeds.

    Attributes:
        change: what was changed, as in `learning rate 0.01`.
        code: the cause that it proves where it passes.
        fix: the change as code to paste; empty where there is none.
        losses: the final loss on each seed, the first on the failed run's own.
        passed: on how many of them every gate passed.
        comparable: False where the change gives the loss another unit; then it passed by its
            skill, and `losses` are in that unit.
        control: True where the change only asked a question and is no repair.
        deterministic: True where nothing about the training is random, so that one start is all.
        seconds: wall time of all its runs.
        worse_than_baseline: True where it passed every other gate, and the runs recorded of its
            test are better; then it counts as passed on no seed.
        course: (updates done, loss) of its first run, at up to 33 points from the start to the end;
            where the failed run has its checkpoints, unless the steps are others.
    """

    change: str
    code: str
    fix: str = ""
    losses: tuple[float, ...]
    passed: int
    comparable: bool = True
    deterministic: bool = False
    control: bool = False
    seconds: float = 0.0
    worse_than_baseline: bool = False
    course: tuple[tuple[int, float], ...] = ()

    @property
    def seeds(self) -> int:
        """On how many seeds it was run."""
        return len(self.losses)

    @property
    def verified(self) -> bool:
        """True where it passed on three seeds, or on the only one that there is."""
        enough = 1 if self.deterministic else 3
        return self.passed == self.seeds and self.seeds >= enough


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RateBracket:
    """The learning rates that pass, as far as they were tried.

    Attributes:
        own: the learning rate of the failed run (its largest, under a schedule).
        lowest: the smallest rate that passed.
        highest: the largest rate that passed.
        proposed: the rate to use.
        stability_limit: 2 (1 + momentum) / largest Hessian eigenvalue at the start, for SGD;
            None where it was not measured.
    """

    own: float
    lowest: float
    highest: float
    proposed: float
    stability_limit: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NamedCause(Serialisable):
    """One of several causes that only together explain a failure.

    Attributes:
        cause: its code.
        message: one sentence on what was seen.
        fix: its part of the repair as code to paste.
        where: the columns, arrays or layers concerned, by name.
    """

    cause: str
    message: str
    fix: str = ""
    where: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis(Serialisable):
    """Why a training failed, as far as repairs could prove it.

    Attributes:
        cause: the code of the cause; "unknown" where nothing was found. Of several causes at once
            the first in the order of evidence.
        message: one sentence with the numbers.
        fix: the repair as code to paste; empty where there is none.
        evidence: the measurements behind the sentence, plain Python values.
        where: the columns, arrays or layers concerned, by name.
        verified: the changes that hold on every seed, the cause's own first.
        tried: every change that was run, in order.
        excluded: (change or measurement, why not) of what could not be tried or measured.
        bracket: the learning rates that pass, where the rate was varied.
        floor: the lowest loss that any run reached, for an unreachable target.
        seconds: wall time of the diagnosis.
        budget: seconds that it was allowed, a wait for other work counted at half.
        left_out: changes for which no time was left.
        causes: every cause, in the order of evidence: one, or several where no repair of a single
            one is enough; empty where nothing was found.
    """

    cause: str
    message: str
    fix: str = ""
    evidence: Evidence = dataclasses.field(default_factory=dict)
    where: tuple[str, ...] = ()
    verified: tuple[Trial, ...] = ()
    tried: tuple[Trial, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    bracket: RateBracket | None = None
    floor: float | None = None
    seconds: float = 0.0
    budget: float = math.inf
    left_out: tuple[str, ...] = ()
    causes: tuple[NamedCause, ...] = ()

    @property
    def known(self) -> bool:
        """True where a cause was found."""
        return self.cause != "unknown"

    @property
    def proven(self) -> bool:
        """True where a repair of the cause was verified."""
        return any(trial.code == self.cause for trial in self.verified)
