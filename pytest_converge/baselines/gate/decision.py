"""The gate: does a training still converge as well as its baseline?

    verdict = decide(baseline.runs, new_runs)  # takes from `new_runs` as many as it needs
    verdict = decide_all(baseline.runs, all_new_runs)  # where they are there anyway

Most changes are recognised as harmless by the first run or the next; only doubtful ones cost more,
and those that stay so all seeds of the baseline. Every comparison is of ranks or signs, so nothing
is assumed of how the scores are distributed.

The scores come in two kinds. Two scores of the batch losses (`scores.scores`) are mean logarithms:
the tolerance is a ratio of geometric mean losses, a difference of log(1 + tolerance). The one
score of a metric (`scores.metric_score`) is the metric itself, negated where higher is better:
there, with `logarithmic=False`, the tolerance is that share of the median magnitude of the
baseline's values.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pytest_converge.baselines.gate import rules, wording
from pytest_converge.baselines.gate.bounds import (
    LOOKS,
    SEEDS,
    SHARES,
    false_alarm,
    limits_at,
    require_alpha,
    require_tolerance,
)
from pytest_converge.baselines.gate.comparison import Comparison, compare_scores, pairs_p, signs_p
from pytest_converge.baselines.gate.detectable_shift import smallest_effect
from pytest_converge.core.baseline import BaselineVerdict, StoredRun
from pytest_converge.core.errors import invalid

__all__ = ["decide", "decide_all", "judge"]

_Parts = Sequence[Comparison]

#: What the looks are called.
NAMES = {
    1: "one run",
    2: "two runs",
    3: "three runs",
    4: "four runs",
    6: "six runs",
    8: "eight runs",
    11: "eleven runs",
    13: "thirteen runs",
    16: "sixteen runs",
    20: "twenty runs",
}
#: So many runs say little by the ranks of their pairs: whether all are worse is all there is.
FEW_RUNS = 4
#: How far the runs that were not made are from the seeds they stand for, in the smallest effect
#: that would have failed: it is the largest of three, since one could be lucky.
TURNS = (5, 10, 15)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What the looks go by.

    Attributes:
        alpha: what the probability of failing unchanged code may be at most.
        drift: how far the first losses of the first run are from the stored ones.
        same_environment: False where the numbers may differ more and still count as unchanged.
    """

    alpha: float
    drift: float
    same_environment: bool

    def repeats(self, parts: _Parts) -> bool:
        """True where the one run is the stored one of its seed."""
        return rules.signature_holds(parts, self.drift, same_environment=self.same_environment)

    def outcome(self, parts: _Parts) -> str:
        """Of the look that has so many runs."""
        count = len(parts[0].new)
        if self.fails(parts):
            return "fail"
        if count == LOOKS[0]:
            passed = self.repeats(parts) or rules.one_run_passes(parts)
        elif count <= FEW_RUNS:
            passed = rules.few_runs_pass(parts)
        else:
            passed = count == SEEDS or rules.many_runs_pass(parts)
        return "pass" if passed else "continue"

    def fails(self, parts: _Parts) -> bool:
        """Whether the look that has so many runs fails, whatever those before it said."""
        count = len(parts[0].new)
        return count in SHARES and rules.fails(parts, limits_at(count, self.alpha))

    def passes_in_turn(self, parts: _Parts) -> bool:
        """Whether all runs, looked at one look after the other, pass."""
        for look in LOOKS:
            outcome = self.outcome([part.after(look) for part in parts])
            if outcome != "continue":
                break
        return outcome == "pass"

    def passes_at_all(self, parts: _Parts) -> bool:
        """Whether no look at all runs fails."""
        return not any(self.fails([part.after(look) for part in parts]) for look in SHARES)


def decide(
    baseline: Sequence[StoredRun], runs: Iterable[StoredRun], **options: Any
) -> BaselineVerdict:
    """Looks after one new run, after two and so on (`LOOKS`), until it is decided.

    Args:
        baseline: the stored runs.
        runs: the new runs with the baseline's seeds, in its order. They are taken one by one and
            only as long as they are needed, so they may be made on demand.
        options: see `judge`.

    Raises:
        InvalidTrainingError: see `judge`; also where the runs end before it is decided.
    """
    source = iter(runs)
    made: list[StoredRun] = []
    for look in LOOKS:
        made.extend(run for _, run in zip(range(look - len(made)), source, strict=False))
        if len(made) < look:
            given = f"{len(made)} new runs and no decision"
            raise invalid(given, f"{look} runs", "Make as many as the baseline has.")
        verdict = judge(baseline, made, **options)
        if verdict.decided:
            break
    return verdict


def decide_all(
    baseline: Sequence[StoredRun], runs: Sequence[StoredRun], **options: Any
) -> BaselineVerdict:
    """What all runs say, where they were made anyway: no early look lets them pass.

    It fails where `decide` does, and besides where a later look would have failed. The bound on
    false alarms is the same, since it is one on any look failing.

    Args:
        baseline: the stored runs.
        runs: as many new runs, with the same seeds.
        options: see `judge`.

    Raises:
        InvalidTrainingError: see `judge`.
    """
    quick = {**options, "finds_limit": False}
    for look in SHARES:
        if judge(baseline, runs[:look], **quick).outcome == "fail":
            return judge(baseline, runs[:look], **options, stops=False)
    return judge(baseline, runs, **options, stops=False)


def judge(
    baseline: Sequence[StoredRun],
    runs: Sequence[StoredRun],
    *,
    tolerance: float = 0.05,
    alpha: float = 0.001,
    same_environment: bool = True,
    logarithmic: bool = True,
    stops: bool = True,
    finds_limit: bool = True,
) -> BaselineVerdict:
    """One look: what as many new runs say as there are before one (`LOOKS`).

    Args:
        baseline: the stored runs, 20 of them.
        runs: all new runs so far, with the first seeds of the baseline, in its order.
        tolerance: the share by which the new code may be worse.
        alpha: what the probability of failing unchanged code may be at most.
        same_environment: False where other versions or another machine made the baseline; then
            numbers may differ more and still count as unchanged.
        logarithmic: False where the score is a metric in its own unit.
        stops: False where all runs are made whatever the looks before say.
        finds_limit: False leaves out the smallest effect that would have failed, which takes
            longer than all else.

    Raises:
        InvalidTrainingError: alpha or tolerance out of range, or runs that cannot be compared.
    """
    require_alpha(alpha)
    require_tolerance(tolerance)
    _require_comparable(baseline, runs)
    parts = compare_scores(baseline, runs, tolerance=tolerance, logarithmic=logarithmic)
    drift = rules.largest_drift(baseline[0], runs[0])
    terms = _Terms(alpha=alpha, drift=drift, same_environment=same_environment)
    outcome = terms.outcome(parts)
    count = len(runs)
    is_first = count == LOOKS[0]
    p_values = () if is_first else tuple(part.p_worse() for part in parts)
    paired = pairs_p(parts) if count > FEW_RUNS else None
    decided = outcome != "continue"
    passes = terms.passes_in_turn if stops else terms.passes_at_all
    return BaselineVerdict(
        outcome=outcome,
        look="signature" if is_first and terms.repeats(parts) else NAMES[count],
        runs=count,
        needed=0 if decided else LOOKS[LOOKS.index(count) + 1],
        ranks=tuple(part.ranks for part in parts),
        p_values=p_values,
        p_pairs=paired,
        effect=tuple(part.scale.effect(part.median_excess) for part in parts),
        detectable=_limit(parts, passes) if decided and finds_limit else None,
        false_alarm=false_alarm(alpha, len(parts)),
        faster=outcome == "pass" and _is_better(parts, limits_at(FEW_RUNS, alpha).ranks),
        perhaps_worse=outcome == "pass" and rules.perhaps_worse(parts),
        reason=_reason(parts, terms, p_values, paired, failed=outcome == "fail"),
    )


def _reason(
    parts: _Parts,
    terms: _Terms,
    p_values: Sequence[float],
    paired: float | None,
    *,
    failed: bool,
) -> str:
    if not p_values:
        repeats = terms.repeats(parts)
        return wording.signature(parts, terms.drift) if repeats else wording.one_run(parts)
    limits = limits_at(len(parts[0].new), terms.alpha)
    if limits.pairs and paired is not None:
        if failed and paired > limits.pairs:
            return wording.pairs(parts, signs_p(parts), limits.signs)
        return wording.pairs(parts, paired, limits.pairs)
    return wording.ranks(parts, p_values, limits.ranks, failed=failed)


def _limit(parts: _Parts, passes: Callable[[_Parts], bool]) -> float | None:
    """The smallest effect with which the whole procedure would have failed these runs."""
    found = [smallest_effect(parts, passes, turn) for turn in TURNS]
    known = [effect for effect in found if effect is not None]
    return max(known) if len(known) == len(found) else None


def _is_better(parts: _Parts, limit: float) -> bool:
    """Better beyond the tolerance, on any score: all than all stored ones, or by an exact p."""
    return any(part.all_below() or part.p_better() <= limit for part in parts)


def _require_comparable(baseline: Sequence[StoredRun], runs: Sequence[StoredRun]) -> None:
    """Refuses runs that have no counterparts."""
    remedy = "Record the baseline again with --converge-baseline=update."
    if len(baseline) != SEEDS:
        given = f"a baseline of {len(baseline)} runs"
        raise invalid(given, f"{SEEDS} runs", remedy)
    if len(runs) not in LOOKS:
        remedy = "Make as many as the verdict before says."
        given, expected = f"{len(runs)} new runs", f"one of {', '.join(map(str, LOOKS))}"
        raise invalid(given, expected, remedy)
    seeds, own = [run.seed for run in runs], [run.seed for run in baseline[: len(runs)]]
    if seeds != own:
        raise invalid(f"new runs of seeds {seeds}", f"{own}", remedy)
    kinds = {len(run.scores) for run in (*baseline, *runs)}
    if len(kinds) != 1 or 0 in kinds:
        given = f"runs of {sorted(kinds)} scores"
        raise invalid(given, "as many for all, at least one", remedy)
    if any(math.isnan(score) for run in (*baseline, *runs) for score in run.scores):
        raise invalid("a score that is NaN", "a number", remedy)
