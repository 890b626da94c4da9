"""A baseline: the scored runs of a training as it once was, and what becomes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

from pytest_converge.core.serialisation import Serialisable

__all__ = [
    "Baseline",
    "BaselineMode",
    "BaselinePolicy",
    "BaselineReport",
    "BaselineVerdict",
    "EnvironmentChange",
    "PolicyMode",
    "StoredRun",
]


#: What can become of a baseline that wrote its file.
WRITTEN = frozenset({"recorded", "updated"})

Value = float | int | str | bool | None
#: What a session does with recorded baselines.
BaselineMode = Literal["check", "new", "update", "off"]
#: ... and what it does with one test, which the revision to compare with may not have.
PolicyMode = BaselineMode | Literal["absent"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun(Serialisable):
    """One run of a training, reduced to what a comparison needs: one line of a baseline's file.

    Attributes:
        seed: the seed of the start, the batch order and the random layers.
        scores: lower is better. The mean natural logarithm of the batch losses over the whole
            curve and over its last half, or the one value of a metric. Infinity, the worst rank,
            where the run was not finite.
        steps: numbers of the kept steps, rising from 1; the first ten are always among them, and
            at most 64 in all.
        losses: the batch losses at these steps; they may hold NaN and infinities.
    """

    seed: int
    scores: tuple[float, ...]
    steps: tuple[int, ...]
    losses: tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Baseline(Serialisable):
    """The runs of one training of a test, as they were recorded.

    Attributes:
        test: the id of the test.
        number: which training of its test this is, counted from 1.
        settings: what must be equal for a comparison to make sense: steps, batch size, verb,
            metric, loss, reduction and the like.
        environment: what may differ and change the numbers a little: versions, instruction set,
            threads, device, platform.
        commit: the revision of the code; empty where it is unknown.
        reason: why runs worse than those before were accepted; empty where they were not.
        runs: the runs, in the order of their seeds' numbers.
        data: what identifies the rows that were trained on: how many, shapes, moments and a
            digest; empty where a file of an older version does not tell.
    """

    test: str
    number: int
    settings: Mapping[str, Value]
    environment: Mapping[str, Value]
    commit: str = ""
    reason: str = ""
    runs: tuple[StoredRun, ...]
    data: Mapping[str, Value] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BaselineVerdict(Serialisable):
    """What the gate says after some new runs.

    The tuples have an entry for each score. An effect is a ratio minus one of the geometric mean
    loss, so 0.12 is 12 % worse and a negative one better; for a metric it is the difference over
    the absolute median of the baseline's values.

    Attributes:
        outcome: "pass", "fail" or "continue".
        look: "signature", "one run", "two runs" or another number of runs, in words.
        runs: new runs made so far.
        needed: how many there must be for the next look; 0 when decided.
        ranks: for each new run, how many of the baseline's runs, each worsened by the tolerance,
            are better.
        p_values: exact one-sided Mann-Whitney p against the baseline worsened by the tolerance;
            empty where a look does not use it.
        p_pairs: exact one-sided signed-rank p of the pairs of equal seeds, worse by more than the
            tolerance in the mean over the scores; None where a look does not use it.
        effect: the median difference to the stored runs of the same seeds.
        detectable: the smallest effect, alike in all runs and scores, with which the whole
            procedure would have failed, over all looks. Runs that were not made are taken for
            ones that share nothing with the stored runs of their seeds. None where no such effect
            exists or it is not decided yet.
        false_alarm: bound on the probability that the whole procedure fails unchanged code,
            averaged over baselines.
        faster: True where the new runs are clearly better than the baseline; never a failure.
        perhaps_worse: True where the new runs pass, are worse than the tolerance at the median,
            and are so by chance in one of a hundred cases at most; never a failure.
        reason: one sentence with the numbers.
    """

    outcome: str
    look: str
    runs: int
    needed: int = 0
    ranks: tuple[tuple[int, ...], ...] = ()
    p_values: tuple[float, ...] = ()
    p_pairs: float | None = None
    effect: tuple[float, ...] = ()
    detectable: float | None = None
    false_alarm: float
    faster: bool = False
    perhaps_worse: bool = False
    reason: str = ""

    @property
    def passed(self) -> bool:
        """True where the gate lets the new runs pass."""
        return self.outcome == "pass"

    @property
    def decided(self) -> bool:
        """True where no further run is needed."""
        return self.outcome != "continue"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BaselinePolicy:
    """How the trainings of one test are compared with recorded ones.

    Attributes:
        mode: "check" compares and refuses a missing baseline; "new" records missing ones; "update"
            records those anew that differ; "off" does nothing; "absent" says that the revision to
            compare with does not have the test.
        tolerance: how much worse than its baseline a training may be, as a share of the loss.
        alpha: bound on the probability that unchanged code fails.
        seconds: what all runs of one comparison or recording may take.
        accept_worse: why worse runs may replace recorded ones; empty where they may not.
        test_file: the file of the test, beside which the baseline lies.
        root: the folder that holds the baselines instead; empty for beside the test.
        revision: the git revision that `root` was recorded at, for a comparison within one job;
            empty for recorded baselines.
        relative_to: the folder that paths are shown from.
    """

    mode: PolicyMode = "check"
    tolerance: float = 0.05
    alpha: float = 0.001
    seconds: float = 600.0
    accept_worse: str = ""
    test_file: str
    root: str = ""
    revision: str = ""
    relative_to: str = ""

    @property
    def records_failures(self) -> bool:
        """True where runs are recorded for a comparison, whether or not the training passes."""
        return self.mode == "new" and bool(self.root)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentChange:
    """Something that was not the same when the baseline was recorded.

    Attributes:
        name: of the setting, or of what the environment is made of.
        recorded: its value then; None where it was not known.
        present: its value now.
    """

    name: str
    recorded: Value
    present: Value


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BaselineReport(Serialisable):
    """The comparison of a training with its baseline, or the recording of one.

    Attributes:
        action: "checked" against it; "recorded" for the first time; "updated", "unchanged" or
            "refused" by an update; "absent" where the other revision does not have the test.
        path: the file, as it is shown; empty for a comparison with another revision.
        revision: that revision, else empty.
        commit: the revision of the code that the baseline was recorded at; empty if unknown.
        verdict: what the gate says; None where there was nothing to compare with.
        metric: what was compared in place of the loss curve; empty for the curve.
        environment: what differs from where the baseline was recorded.
        before: what was recorded, median over the runs: the geometric mean loss over the whole
            curve and over its last half, or the metric.
        after: the same of the runs that were made.
        runs: how many runs were made.
        seconds: wall time of the runs that only the baseline needed.
        data: how the rows differ from those of the baseline.
        unknown: what an older baseline does not tell, so that nobody knows whether it was the same.
        unjudged: why an update replaced runs without a comparison; empty where it compared.
        obtained: the runs that were made, as a baseline would hold them. What is reported has them
            of a comparison that failed alone; else None.
        kept: the file that holds them, as it is shown; empty where there is none.
        band: (step, lowest, median, highest batch loss) of the recorded runs, by rising step; a
            loss that is not finite counts as the highest.
    """

    action: str
    path: str = ""
    revision: str = ""
    commit: str = ""
    verdict: BaselineVerdict | None = None
    metric: str = ""
    environment: tuple[EnvironmentChange, ...] = ()
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    runs: int = 0
    seconds: float = 0.0
    data: tuple[EnvironmentChange, ...] = ()
    unknown: tuple[str, ...] = ()
    unjudged: str = ""
    obtained: Baseline | None = None
    kept: str = ""
    band: tuple[tuple[int, float, float, float], ...] = ()

    @property
    def failed(self) -> bool:
        """True where the runs that were made are worse, and do not replace the recorded ones."""
        worse = self.verdict is not None and self.verdict.outcome == "fail"
        return self.action == "refused" or (self.action == "checked" and worse)

    @property
    def written(self) -> bool:
        """True where the file was written."""
        return self.action in WRITTEN
