"""The gate "1, 4, 11": does a training still converge as well as its baseline?

    verdict = decide(baseline.runs, new_runs)  # takes from `new_runs` as many as it needs

Most changes are recognised as harmless by the first run or the second look, and only doubtful ones
cost eleven. Every comparison is of ranks, so nothing is assumed of how the scores are distributed.

The scores come in two kinds. Two scores of the batch losses (`scores.scores`) are mean logarithms:
the tolerance is a ratio of geometric mean losses, a difference of log(1 + tolerance). The one
score of a metric (`scores.metric_score`) is the metric itself, negated where higher is better:
there, with `logarithmic=False`, the tolerance is that share of the median magnitude of the
baseline's values.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_converge.baselines.gate import rules, wording
from pytest_converge.baselines.gate.bounds import (
    LOOKS,
    SEEDS,
    false_alarm,
    p_limit,
    require_alpha,
    require_tolerance,
)
from pytest_converge.baselines.gate.comparison import Comparison, compare_scores
from pytest_converge.baselines.gate.detectable_shift import smallest_effect
from pytest_converge.core.baseline import BaselineVerdict, StoredRun
from pytest_converge.core.errors import invalid

__all__ = ["decide", "judge"]

_Parts = Sequence[Comparison]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What one look found."""

    name: str
    outcome: str
    needed: int = 0
    p_values: tuple[float, ...] = ()
    detectable: float | None
    reason: str


def decide(
    baseline: Sequence[StoredRun], runs: Iterable[StoredRun], **options: Any
) -> BaselineVerdict:
    """Looks after one, four and eleven new runs, until it is decided.

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
        verdict = judge(baseline, made, **options)
        if verdict.decided:
            break
    return verdict


def judge(
    baseline: Sequence[StoredRun],
    runs: Sequence[StoredRun],
    *,
    tolerance: float = 0.05,
    alpha: float = 0.001,
    same_environment: bool = True,
    logarithmic: bool = True,
) -> BaselineVerdict:
    """One look: what one, four or eleven new runs say.

    Args:
        baseline: the stored runs, 20 of them.
        runs: all new runs so far, with the first seeds of the baseline, in its order.
        tolerance: the share by which the new code may be worse.
        alpha: what the probability of failing unchanged code may be at most.
        same_environment: False where other versions or another machine made the baseline; then
            numbers may differ more and still count as unchanged.
        logarithmic: False where the score is a metric in its own unit.

    Raises:
        InvalidTrainingError: alpha or tolerance out of range, or runs that cannot be compared.
    """
    require_alpha(alpha)
    require_tolerance(tolerance)
    _require_comparable(baseline, runs)
    parts = compare_scores(baseline, runs, tolerance=tolerance, logarithmic=logarithmic)
    if len(runs) == LOOKS[0]:
        (run,) = runs
        look = _after_one(parts, rules.largest_drift(baseline[0], run), same_environment)
    elif len(runs) == LOOKS[1]:
        look = _after_four(parts)
    else:
        look = _after_eleven(parts, p_limit(alpha))
    return BaselineVerdict(
        outcome=look.outcome,
        look=look.name,
        runs=len(runs),
        needed=look.needed,
        ranks=tuple(part.ranks for part in parts),
        p_values=look.p_values,
        effect=tuple(part.scale.effect(part.median_excess) for part in parts),
        detectable=look.detectable,
        false_alarm=false_alarm(alpha, len(parts)),
        faster=look.outcome == "pass" and _is_better(parts, p_limit(alpha)),
        reason=look.reason,
    )


def _after_one(parts: _Parts, drift: float, same_environment: bool) -> _Look:
    def repeats(parts: _Parts) -> bool:
        return rules.signature_holds(parts, drift, same_environment=same_environment)

    def passes(parts: _Parts) -> bool:
        return repeats(parts) or rules.one_run_passes(parts)

    passed, repeated = passes(parts), repeats(parts)
    return _Look(
        name="signature" if repeated else "one run",
        outcome="pass" if passed else "continue",
        needed=0 if passed else LOOKS[1],
        detectable=smallest_effect(parts, passes),
        reason=wording.signature(parts, drift) if repeated else wording.one_run(parts),
    )


def _after_four(parts: _Parts) -> _Look:
    def does_not_fail(parts: _Parts) -> bool:
        return not rules.four_runs_fail(parts)

    p_values = tuple(part.p_worse() for part in parts)
    failed, passed = rules.four_runs_fail(parts), rules.four_runs_pass(parts)
    return _Look(
        name="four runs",
        outcome="fail" if failed else "pass" if passed else "continue",
        needed=0 if failed or passed else LOOKS[2],
        p_values=p_values,
        detectable=smallest_effect(parts, does_not_fail if failed else rules.four_runs_pass),
        reason=wording.four_runs(parts, p_values),
    )


def _after_eleven(parts: _Parts, limit: float) -> _Look:
    def passes(parts: _Parts) -> bool:
        return not rules.eleven_runs_fail(parts, limit)

    p_values = tuple(part.p_worse() for part in parts)
    failed = not passes(parts)
    return _Look(
        name="eleven runs",
        outcome="fail" if failed else "pass",
        p_values=p_values,
        detectable=smallest_effect(parts, passes),
        reason=wording.eleven_runs(parts, p_values, limit, failed=failed),
    )


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
