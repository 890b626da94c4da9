"""The clauses of the gate: what passes and what fails after so many new runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_converge.baselines.gate.bounds import Limits
from pytest_converge.baselines.gate.comparison import Comparison, pairs_p, signs_p
from pytest_converge.core.baseline import StoredRun

__all__ = [
    "fails",
    "few_runs_pass",
    "largest_drift",
    "many_runs_pass",
    "one_run_passes",
    "perhaps_worse",
    "signature_holds",
]

#: Steps whose losses are the signature of a training's numerics.
SIGNATURE_STEPS = 10
#: Up to here the losses of the first ten steps are alike: other threads, instruction sets and
#: kernels stay under 3.7e-5, and each of 42 tried changes of code exceeds 1.6e-3.
SIGNATURE_DRIFT, SIGNATURE_DRIFT_ELSEWHERE = 3e-4, 1e-3
#: Scores are alike up to this share of the tolerance: 3 % of the default 5 %, and all of it where
#: another environment may drift further apart on the way.
SIGNATURE_SHARE, SIGNATURE_SHARE_ELSEWHERE = math.log(1.03) / math.log(1.05), 1.0
#: One run passes among the better 60 % of the baseline, where 13 of 21 of unchanged code are at
#: least. At 70 % a run in twenty of an MLP with an eighth less of its units passed at once.
BEST_RUNS = 12
#: Up to four runs that rank as high as this by chance are no reason for more, and neither are more
#: whose ranks and pairs are both as likely. With 0.15 for few, 1.7 % more of an LSTM with a rate of
#: x0.8 passed before the last look.
CLEAR_P_OF_FEW, CLEAR_P_OF_MANY = 0.2, 0.05
#: A p at or below it makes a note where it is too high to fail.
NOTED_P = 0.01


def largest_drift(stored: StoredRun, run: StoredRun) -> float:
    """The largest relative difference of the losses in the first ten steps.

    Infinite where a loss is not finite or one run ended before.
    """
    old, new = _first_losses(stored), _first_losses(run)
    if not old or old.keys() != new.keys():
        return math.inf
    return max(_relative(old[step], new[step]) for step in old)


def signature_holds(
    parts: Sequence[Comparison], drift: float, *, same_environment: bool = True
) -> bool:
    """The first run repeats the stored one: same numerics, at most rounded in another way."""
    most = SIGNATURE_DRIFT if same_environment else SIGNATURE_DRIFT_ELSEWHERE
    share = SIGNATURE_SHARE if same_environment else SIGNATURE_SHARE_ELSEWHERE
    apart = (abs(excess) > share * part.tolerance for part in parts for excess in part.excess)
    return drift <= most and not any(apart)


def one_run_passes(parts: Sequence[Comparison]) -> bool:
    """On no score among the worst 40 % of the worsened baseline or worse than its own seed."""
    return all(
        rank <= BEST_RUNS and excess <= part.tolerance
        for part in parts
        for rank, excess in zip(part.ranks, part.excess, strict=True)
    )


def fails(parts: Sequence[Comparison], limits: Limits) -> bool:
    """An exact p at or below its limit: of the ranks on any score, or of the pairs of seeds."""
    by_ranks = min(part.p_worse() for part in parts) <= limits.ranks
    return by_ranks or pairs_p(parts) <= limits.pairs or signs_p(parts) <= limits.signs


def few_runs_pass(parts: Sequence[Comparison]) -> bool:
    """Nothing points to something worse, neither the ranks nor the pairs of equal seeds."""
    clear = min(part.p_worse() for part in parts) > CLEAR_P_OF_FEW
    return clear and not all(sum(seed) > 0 for seed in zip(*_excess(parts), strict=True))


def many_runs_pass(parts: Sequence[Comparison]) -> bool:
    """Neither the ranks nor the pairs are unlikely."""
    lowest = min(pairs_p(parts), *(part.p_worse() for part in parts))
    return lowest > CLEAR_P_OF_MANY


def perhaps_worse(parts: Sequence[Comparison]) -> bool:
    """Worse than the tolerance at the median of a score, and unlikely by chance."""
    lowest = min(pairs_p(parts), *(part.p_worse() for part in parts))
    return lowest <= NOTED_P and any(part.median_excess > part.tolerance for part in parts)


def _excess(parts: Sequence[Comparison]) -> list[tuple[float, ...]]:
    return [part.excess for part in parts]


def _first_losses(run: StoredRun) -> dict[int, float]:
    pairs = zip(run.steps, run.losses, strict=True)
    return {step: loss for step, loss in pairs if step <= SIGNATURE_STEPS}


def _relative(old: float, new: float) -> float:
    if not (math.isfinite(old) and math.isfinite(new)):
        return math.inf
    return abs(new - old) / max(abs(old), abs(new)) if new != old else 0.0
