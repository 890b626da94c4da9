"""Calibration: bounds on the loss that are proposed for a test, with what they would notice."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.serialisation import Serialisable
from pytest_converge.core.study import Study

__all__ = ["ENOUGH_POWER", "Calibration", "Candidate", "LossBound"]

#: The least share of runs under a change that a bound has to catch to be called enough.
ENOUGH_POWER = 0.95


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LossBound:
    """A bound on the final loss, derived from starts of the same training.

    Attributes:
        max_loss: the bound.
        basis: "log" or "shifted" where the logarithm of the loss, or of its distance from a floor,
            is taken to be nearly normal; "largest" where no distribution fits.
        false_alarm: the estimated probability that a fresh start exceeds the bound; where no
            distribution fits it is `ceiling`.
        ceiling: the largest such probability under any distribution.
    """

    max_loss: float
    basis: str
    false_alarm: float
    ceiling: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(Serialisable):
    """One number of steps and the bound that suits it.

    Attributes:
        steps: optimizer updates.
        bound: the bound on the loss after them; None where a start was not finite, and where a
            model that was hardly trained would pass.
        losses: the final loss from each start.
        red: the share of these starts that fail the test with that bound, by any of its gates; 0
            without a bound.
        gates: the codes of the gates that fail them, the most frequent first.
        power: for each change for the worse the share of its runs that fail it, by any gate.
    """

    steps: int
    bound: LossBound | None
    losses: tuple[float, ...]
    red: float = 0.0
    gates: tuple[str, ...] = ()
    power: Mapping[str, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Study):
    """What is proposed for one training of a test.

    Attributes:
        training: which training of its test it is about, counted from 1.
        candidates: numbers of steps, rising.
        chosen: the number of steps that is proposed; 0 for none.
        proposal: the expectation to state; None where nothing can be proposed.
        present: the share of starts that fail the test as it is; None where it is not known.
        target: the change that a bound has to catch; empty where it could not be made.
        excluded: pairs of a change and why it could not be made.
        left_out: changes for which no time was left.
        seconds, budget: wall time of all runs, and what it was allowed.
    """

    kind: ClassVar[str] = "calibration"
    always_shown: ClassVar[bool] = True

    training: int = 1
    candidates: tuple[Candidate, ...]
    chosen: int = 0
    proposal: Expectation | None = None
    present: float | None = None
    target: str = ""
    excluded: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0
    budget: float = 0.0

    @property
    def scalars(self) -> dict[str, float | int | str]:
        """The few numbers and words that say what came of it, by name."""
        proposal = {} if self.proposal is None else {"steps": self.proposal.steps}
        bound = None if self.proposal is None else self.proposal.max_loss
        return {
            **proposal,
            **({} if bound is None else {"max_loss": bound}),
            "training": self.training,
            "seconds": round(self.seconds, 3),
        }

    @property
    def choice(self) -> Candidate | None:
        """The candidate that is proposed."""
        return next((each for each in self.candidates if each.steps == self.chosen), None)
