"""Trainings over several JSON reports: what each report says of them."""

from __future__ import annotations

import dataclasses

from pytest_converge.core.serialisation import Serialisable

__all__ = ["ReportName", "ReportedTraining", "ReportedTrend"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportName(Serialisable):
    """One report.

    Attributes:
        name: its file, as it was given.
        created: when it was made, as `2026-01-31T12:00:00Z`; empty where it does not tell.
        commit: the git revision; empty where it does not tell.
    """

    name: str
    created: str = ""
    commit: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportedTraining(Serialisable):
    """What one report says of one training.

    Attributes:
        final_loss: the loss that bounds are compared with.
        passed: every gate passed.
        outcome: "passed", else the cause, else the gate that failed first.
    """

    final_loss: float
    passed: bool
    outcome: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportedTrend(Serialisable):
    """One training over all reports.

    Attributes:
        test: the id of the test.
        number: which training of its test it is, counted from 1.
        trainings: what each report says, in the order of the reports; None where it has it not.
    """

    test: str
    number: int
    trainings: tuple[ReportedTraining | None, ...]

    @property
    def known(self) -> tuple[ReportedTraining, ...]:
        """What those reports say that have it."""
        return tuple(each for each in self.trainings if each is not None)

    @property
    def failing(self) -> bool:
        """True where it failed in the last report that has it."""
        return not self.known[-1].passed
