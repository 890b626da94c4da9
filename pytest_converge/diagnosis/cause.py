"""What a cause of failure is: its code, its sentence, and its steps in the order of evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.diagnosis.failed_training import Answer, FailedTraining
from pytest_converge.diagnosis.order import Place
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["Cause", "Step", "named"]

#: Names listed in a sentence; the rest is counted.
MOST_NAMES = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a cause has to try or to say; it has either repairs or an answer.

    Attributes:
        place: where it stands in the order of evidence.
        repairs: the changes to try, in order; the first that passes on every seed is the answer.
        answer: what evidence, or trials of its own, tell; None for nothing.
    """

    place: Place
    repairs: Callable[[FailedTraining], Iterable[Intervention]] | None = None
    answer: Callable[[FailedTraining], Answer | None] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A cause of failure. The docstring of its module is its page in the documentation.

    Attributes:
        code: what it is called in results.
        steps: what it proposes and says, each in its place.
        sentence: one sentence of at most about 160 characters on an answer; a pattern with
            `{change}` and `{where}`, or a function where it takes numbers.
        refined: makes a better answer of one of its own that a step gave.
    """

    code: str
    steps: tuple[Step, ...] = ()
    sentence: str | Callable[[Evidence, Answer], str] = "with {change} it converges"
    refined: Callable[[FailedTraining, Answer], Answer] | None = None

    def says(self, evidence: Evidence, answer: Answer) -> str:
        """The sentence on an answer that brings none of its own."""
        if callable(self.sentence):
            return self.sentence(evidence, answer)
        where = named(answer.where) or "some variables"
        return self.sentence.format(change=answer.change, where=where)


def named(names: tuple[str, ...]) -> str:
    """Up to three names and how many more."""
    listed = ", ".join(names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{listed} and {more} more" if more > 0 else listed
