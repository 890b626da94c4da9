"""The baseline of one training: compared with new runs, recorded, or replaced.

    gate = BaselineGate.open(policy, subject)  # reads the file, before anything is trained
    report, finding = gate.settle(run, environment)  # asks for as many runs as it needs

Nothing here knows TensorFlow: a run is whatever `run(i)` returns for the i-th seed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_converge.baselines.files.errors import MissingBaselineError, record_command
from pytest_converge.baselines.files.orphans import orphan_beside
from pytest_converge.baselines.files.paths import baseline_path
from pytest_converge.baselines.files.store import load, save
from pytest_converge.baselines.gate import rules
from pytest_converge.baselines.gate.bounds import SEEDS
from pytest_converge.baselines.gate.comparison import Comparison, compare_scores
from pytest_converge.baselines.gate.decision import decide, decide_all
from pytest_converge.baselines.gate.identity import (
    data_changes,
    differences,
    setting_changes,
    unknown,
    why_not_judged,
)
from pytest_converge.baselines.gate.wording import finding, refusal
from pytest_converge.core.baseline import (
    Baseline,
    BaselinePolicy,
    BaselineReport,
    BaselineVerdict,
    EnvironmentChange,
    StoredRun,
    Value,
)
from pytest_converge.core.errors import invalid
from pytest_converge.core.finding import Finding
from pytest_converge.core.recorded_scores import loss_band
from pytest_converge.core.repository import commit_of

__all__ = ["BaselineGate", "Subject"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The training that has a baseline.

    Attributes:
        test: the id of the test.
        number: which training of its test it is, counted from 1.
        settings: what must be equal for a comparison to make sense.
        metric: what is compared in place of the loss curve; None for the curve.
        data: what identifies the rows that it sees; empty where nothing is known.
    """

    test: str
    number: int
    settings: Mapping[str, Value]
    metric: str | None = None
    data: Mapping[str, Value] = dataclasses.field(default_factory=dict)


class BaselineGate:
    """Compares one training with its baseline, or records one.

    Args:
        policy: what is to be done.
        subject: the training.
        path: the file of its test.
        trainings: what the file holds.
        clock: seconds from any fixed moment.
    """

    def __init__(
        self,
        policy: BaselinePolicy,
        subject: Subject,
        path: Path,
        trainings: Sequence[Baseline],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._subject = subject
        self._path = path
        self._trainings = tuple(trainings)
        self._clock = clock
        self._stored = next((t for t in trainings if t.number == subject.number), None)

    @classmethod
    def open(cls, policy: BaselinePolicy, subject: Subject) -> BaselineGate | None:
        """Reads what is recorded, before anything is trained; None where nothing is to be done.

        Raises:
            MissingBaselineError: nothing is recorded, and nothing is to be.
            BaselineFileError: the file cannot be used.
            InvalidTrainingError: the training is set in another way than the recorded one.
        """
        if policy.mode == "off":
            return None
        if policy.mode == "absent":
            return cls(policy, subject, Path(), ())
        test_file = Path(policy.test_file)
        folder = Path(policy.root) if policy.root else test_file.parent
        path = baseline_path(folder, test_file, subject.test)
        may_be_missing = policy.mode == "new" or bool(policy.revision)
        trainings: tuple[Baseline, ...] = ()
        try:
            trainings = load(path, subject.test)
        except MissingBaselineError as missing:
            orphan = "" if may_be_missing else orphan_beside(path, test_file, subject.test)
            if orphan:
                defect = "that does not exist"
                raise MissingBaselineError(
                    path, defect, test=subject.test, orphan=orphan
                ) from missing
            if not may_be_missing:
                raise
        gate = cls(policy, subject, path, trainings)
        gate._check(may_be_missing=may_be_missing)
        return gate

    def settle(
        self,
        run: Callable[[int], StoredRun],
        environment: Mapping[str, Value],
        *,
        higher_is_better: bool = False,
    ) -> tuple[BaselineReport, Finding | None]:
        """Makes the runs that are needed, and compares or records them.

        Args:
            run: makes the run of the seed with this number; the first is made already.
            environment: what may change the numbers a little.
            higher_is_better: of the metric, where one is compared.

        Returns:
            What became of the baseline, and what there is to say about the training.

        Raises:
            InvalidTrainingError: the runs take longer than allowed, or cannot be recorded.
        """
        if self._stored is None and self._policy.revision:
            return BaselineReport(action="absent", revision=self._policy.revision), None
        began = self._clock()
        runs = self._within_time(run, began)
        if self._stored is None:
            report, said = self._record(list(runs), environment), None
        elif self._policy.mode == "update":
            report, said = self._update(self._stored, list(runs), environment)
        else:
            report, said = self._compare(self._stored, runs, environment)
        report = dataclasses.replace(
            report,
            before=self._as_measured(report.before, higher_is_better),
            after=self._as_measured(report.after, higher_is_better),
            seconds=self._clock() - began,
        )
        return report, said

    @property
    def has_runs(self) -> bool:
        """True where there is something to compare with."""
        return self._stored is not None

    def compared(self, runs: Sequence[StoredRun]) -> tuple[Comparison, ...]:
        """Runs beside the recorded ones, a score at a time; none where nothing is recorded."""
        if self._stored is None:
            return ()
        return compare_scores(
            self._stored.runs,
            runs,
            tolerance=self._policy.tolerance,
            logarithmic=self._subject.metric is None,
        )

    def finding_about(
        self, run: Callable[[int], StoredRun], environment: Mapping[str, Value]
    ) -> Finding | None:
        """What a comparison says of runs of a changed training; records nothing.

        Args:
            run: makes the run of the seed with this number.
            environment: what may change the numbers a little.

        Raises:
            InvalidTrainingError: the runs take longer than allowed.
        """
        if self._stored is None:
            return None
        return self._compare(self._stored, self._within_time(run, self._clock()), environment)[1]

    def _check(self, *, may_be_missing: bool) -> None:
        """Refuses a training that has no baseline, or one of other settings; see `open`."""
        stored, subject = self._stored, self._subject
        if stored is None:
            if not may_be_missing:
                defect = f"without a baseline of training {subject.number} of its test"
                raise MissingBaselineError(self._path, defect, test=subject.test)
            return
        changed = self._changed_settings(stored)
        if not changed or (self._policy.mode == "update" and self._policy.accept_worse):
            return
        texts = [f"{item.name}={item.present!r}" for item in changed]
        before = [f"{item.name}={item.recorded!r}" for item in changed]
        command = record_command(subject.test, "update", reason="the reason")
        remedy = f"Not judged, {why_not_judged(changed)}. Set it so, or record it anew: {command}"
        if self._policy.revision:
            remedy = "Two revisions can be compared only where both train with equal settings."
        given = f"a training with {', '.join(texts)}"
        expected = f"{', '.join(before)} as in its baseline"
        raise invalid(given, expected, remedy)

    def _changed_settings(self, stored: Baseline) -> tuple[EnvironmentChange, ...]:
        subject = self._subject
        return setting_changes(stored.settings, subject.settings, stored.data, subject.data)

    def _within_time(self, run: Callable[[int], StoredRun], began: float) -> Iterator[StoredRun]:
        """The runs one by one; an error where the time is over and another one is asked for."""
        for number in range(SEEDS):
            passed = self._clock() - began
            if number and passed > self._policy.seconds:
                given = f"{number} runs in {passed:.0f} s and no decision"
                expected = f"all runs of a baseline within {self._policy.seconds:g} s"
                longer = math.ceil(1.5 * passed / number * SEEDS)
                remedy = f"Train fewer steps, or allow more: --converge-baseline-seconds={longer}"
                raise invalid(given, expected, remedy)
            yield run(number)

    def _compare(
        self, stored: Baseline, runs: Iterator[StoredRun], environment: Mapping[str, Value]
    ) -> tuple[BaselineReport, Finding | None]:
        made: list[StoredRun] = []
        verdict = self._decide(stored, _remembered(runs, made), environment)
        report = self._report("checked", made, environment, verdict)
        return report, finding(verdict, self._policy.revision)

    def _decide(
        self, stored: Baseline, runs: Iterator[StoredRun], environment: Mapping[str, Value]
    ) -> BaselineVerdict:
        return decide(stored.runs, runs, **self._options(stored, environment))

    def _options(self, stored: Baseline, environment: Mapping[str, Value]) -> dict[str, Any]:
        """What the gate is asked with."""
        return {
            "tolerance": self._policy.tolerance,
            "alpha": self._policy.alpha,
            "same_environment": not differences(stored.environment, environment),
            "logarithmic": self._subject.metric is None,
        }

    def _record(self, runs: list[StoredRun], environment: Mapping[str, Value]) -> BaselineReport:
        self._save(runs, environment)
        return self._report("recorded", runs, environment)

    def _update(
        self, stored: Baseline, runs: list[StoredRun], environment: Mapping[str, Value]
    ) -> tuple[BaselineReport, Finding | None]:
        changed = self._changed_settings(stored)
        if changed:
            # Scores of other steps, batches or losses say nothing about better or worse.
            self._save(runs, environment, accepted=True)
            report = self._report("updated", runs, environment)
            return dataclasses.replace(report, unjudged=why_not_judged(changed)), None
        verdict = decide_all(stored.runs, runs, **self._options(stored, environment))
        if self._repeats(stored, runs):
            if not self._is_described(stored, environment):
                self._save(stored.runs, environment, kept=stored)
                return self._report("updated", runs, environment, verdict), None
            return self._report("unchanged", runs, environment, verdict), None
        self._refuse_broken(runs)
        worse = verdict.outcome == "fail"
        if worse and not self._policy.accept_worse:
            return self._report("refused", runs, environment, verdict), refusal(verdict)
        self._save(runs, environment, accepted=worse)
        return self._report("updated", runs, environment, verdict), None

    def _is_described(self, stored: Baseline, environment: Mapping[str, Value]) -> bool:
        """True where all that is known of the training beside its runs is recorded already."""
        subject = self._subject
        pairs = ((stored.environment, environment), (stored.settings, subject.settings))
        return not any(differences(*pair) for pair in pairs) and (
            not subject.data or stored.data == subject.data
        )

    def _repeats(self, stored: Baseline, runs: Sequence[StoredRun]) -> bool:
        """True where every run is the stored one of its seed, as far as its numbers tell."""
        for old, new in zip(stored.runs, runs, strict=True):
            if old.seed != new.seed or len(old.scores) != len(new.scores):
                return False
            parts = compare_scores(
                [old],
                [new],
                tolerance=self._policy.tolerance,
                logarithmic=self._subject.metric is None,
            )
            if not rules.signature_holds(parts, rules.largest_drift(old, new)):
                return False
        return True

    def _refuse_broken(self, runs: Sequence[StoredRun]) -> None:
        found = _broken(runs)
        if found and not self._policy.accept_worse:
            seeds = ", ".join(str(run.seed) for run in found)
            given = f"{len(found)} of {len(runs)} runs that are not finite (seed {seeds})"
            remedy = 'Repair them, or accept them: --converge-accept-worse="the reason"'
            raise invalid(given, "finite runs to record", remedy)

    def _save(
        self,
        runs: Sequence[StoredRun],
        environment: Mapping[str, Value],
        *,
        accepted: bool = False,
        kept: Baseline | None = None,
    ) -> None:
        """Writes runs, for the accepted reason where it was needed, or as a baseline had them."""
        if kept is None:
            self._refuse_broken(runs)
        recorded = self._baseline_of(runs, environment)
        if kept is not None:
            recorded = dataclasses.replace(recorded, commit=kept.commit, reason=kept.reason)
        elif accepted or _broken(runs):
            recorded = dataclasses.replace(recorded, reason=self._policy.accept_worse)
        others = [item for item in self._trainings if item.number != self._subject.number]
        save(self._path, [*others, recorded])

    def _baseline_of(self, runs: Sequence[StoredRun], environment: Mapping[str, Value]) -> Baseline:
        """Runs of the training that was asked for, with all that is known of it."""
        subject = self._subject
        return Baseline(
            test=subject.test,
            number=subject.number,
            settings=subject.settings,
            environment=environment,
            commit=commit_of(Path(self._policy.test_file).parent),
            runs=tuple(runs),
            data=subject.data,
        )

    def _report(
        self,
        action: str,
        runs: Sequence[StoredRun],
        environment: Mapping[str, Value],
        verdict: BaselineVerdict | None = None,
    ) -> BaselineReport:
        stored = self._stored
        return BaselineReport(
            action=action,
            path="" if self._policy.revision else self._shown_path(),
            revision=self._policy.revision,
            commit=stored.commit if stored else "",
            verdict=verdict,
            metric=self._subject.metric or "",
            environment=differences(stored.environment, environment) if stored else (),
            before=_medians(stored.runs) if stored else (),
            after=_medians(runs),
            runs=len(runs),
            data=data_changes(stored.data, self._subject.data) if stored else (),
            unknown=self._unknown(stored) if stored else (),
            obtained=self._baseline_of(runs, environment),
            band=loss_band(stored.runs) if stored else (),
        )

    def _unknown(self, stored: Baseline) -> tuple[str, ...]:
        subject = self._subject
        return unknown(stored.settings, subject.settings, stored.data, subject.data)

    def _as_measured(self, scores: Sequence[float], higher_is_better: bool) -> tuple[float, ...]:
        """Scores as the losses or the metric behind them."""
        if self._subject.metric is None:
            return tuple(map(_exponential, scores))
        return tuple(-score if higher_is_better else score for score in scores)

    def _shown_path(self) -> str:
        with contextlib.suppress(ValueError):
            relative = os.path.relpath(self._path, self._policy.relative_to or os.curdir)
            return Path(relative).as_posix()
        return str(self._path)


def _remembered(runs: Iterator[StoredRun], made: list[StoredRun]) -> Iterator[StoredRun]:
    """The runs, each of which is also put into `made`."""
    for run in runs:
        made.append(run)
        yield run


def _broken(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """The runs that were not finite."""
    return [run for run in runs if not all(map(math.isfinite, run.scores))]


def _exponential(score: float) -> float:
    """The loss behind a score; infinite beyond all floats."""
    try:
        return math.exp(score)
    except OverflowError:
        return math.inf


def _medians(runs: Sequence[StoredRun]) -> tuple[float, ...]:
    """The median of each score, one of the runs' own where their number is even."""
    columns = zip(*(run.scores for run in runs), strict=True)
    return tuple(statistics.median_low(column) for column in columns)
