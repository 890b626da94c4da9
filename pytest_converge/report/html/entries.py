"""The rows of the page's overview: a training or a study each."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Collection, Sequence

from pytest_converge.core import numbers
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.study import Study
from pytest_converge.report import diagnosis as words
from pytest_converge.report.charts.study_charts import small_points
from pytest_converge.report.curve_summary import summarised
from pytest_converge.report.html.small_curve import small_curve
from pytest_converge.report.studies import outcome as study_outcome

__all__ = ["OUTCOMES", "Entry", "entries"]

#: What can become of a training or a study, the worst first, and how a count of it is named.
OUTCOMES = {
    "failed": "failed",
    "expected": "failed as expected",
    "caught": "failed in tests that passed",
    "passed": "passed",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row.

    Attributes:
        subject: the training or the study.
        key: names it in the page.
        test: the id of its test.
        number: ` #2` where the test has several of its kind; else empty.
        kind: the verb of a training, or the kind of a study.
        outcome: a key of `OUTCOMES`.
        verdict: the cause or the gate of a training that failed.
        said: what came of a study, in a sentence.
        curve: a small drawing, or empty.
        initial, final: losses of a training; None of a study.
        steps: updates of a training; None of a study.
        seconds: wall time.
    """

    subject: ConvergenceResult | Study
    key: str
    test: str
    number: str
    kind: str
    outcome: str
    verdict: str
    said: str = ""
    curve: str = ""
    initial: float | None = None
    final: float | None = None
    steps: int | None = None
    seconds: float = 0.0

    @property
    def initial_text(self) -> str:
        """The initial loss, or nothing."""
        return "" if self.initial is None else numbers.loss(self.initial)

    @property
    def final_text(self) -> str:
        """The final loss, or nothing."""
        return "" if self.final is None else numbers.loss(self.final)

    @property
    def seconds_text(self) -> str:
        """The time."""
        return numbers.seconds(self.seconds)


def entries(
    results: Sequence[ConvergenceResult],
    studies: Sequence[Study],
    *,
    expected: Collection[str] = (),
    caught: Collection[str] = (),
) -> list[Entry]:
    """The rows, those that failed first, each of these sorted by test; see `html_page`."""
    asked, went_on = frozenset(expected), frozenset(caught)

    def outcome(subject: ConvergenceResult | Study) -> str:
        if subject.passed:
            return "passed"
        if subject.test in asked:
            return "expected"
        return "caught" if subject.test in went_on else "failed"

    def rank(subject: ConvergenceResult | Study) -> tuple[bool, str, bool, int]:
        is_study = isinstance(subject, Study)
        return outcome(subject) != "failed", subject.test, is_study, subject.number

    trainings = collections.Counter(result.test for result in results)
    several = collections.Counter((study.test, study.kind) for study in studies)
    made: list[Entry] = []
    subjects: list[ConvergenceResult | Study] = [*results, *studies]
    for subject in sorted(subjects, key=rank):
        key = f"r{len(made) + 1}"
        if isinstance(subject, Study):
            numbered = several[subject.test, subject.kind] > 1
            made.append(_of_study(subject, key, outcome(subject), numbered=numbered))
        else:
            numbered = trainings[subject.test] > 1
            made.append(_of_training(subject, key, outcome(subject), numbered=numbered))
    return made


def _of_training(result: ConvergenceResult, key: str, outcome: str, *, numbered: bool) -> Entry:
    seen = summarised(result.curve)
    return Entry(
        subject=result,
        key=key,
        test=result.test,
        number=f" #{result.number}" if numbered else "",
        kind=result.verb,
        outcome=outcome,
        verdict=words.verdict(result),
        curve=small_curve(tuple(zip(seen.steps, seen.losses, strict=True))),
        initial=seen.first,
        final=seen.last,
        steps=seen.curve.updates,
        seconds=result.seconds,
    )


def _of_study(study: Study, key: str, outcome: str, *, numbered: bool) -> Entry:
    return Entry(
        subject=study,
        key=key,
        test=study.test,
        number=f" #{study.number}" if numbered else "",
        kind=study.kind,
        outcome=outcome,
        verdict="passed" if study.passed else "failed",
        said=study_outcome(study, unicode=True),
        curve=small_curve(small_points(study)),
        seconds=getattr(study, "seconds", 0.0),
    )
