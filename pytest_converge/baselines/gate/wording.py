"""What the gate says: the sentence with its reason, and the finding about the training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_converge.baselines.gate.comparison import Comparison
from pytest_converge.core.baseline import BaselineVerdict
from pytest_converge.core.finding import Finding

__all__ = ["effect_in_words", "finding", "one_run", "pairs", "ranks", "refusal", "signature"]


def signature(parts: Sequence[Comparison], drift: float) -> str:
    """Why a run counts as the stored one."""
    effect = effect_in_words(_largest_effect(parts))
    return f"the first losses repeat the stored ones to {drift:.1e}, and the run is {effect}"


def one_run(parts: Sequence[Comparison]) -> str:
    """Where the first run stands."""
    rank = max(part.ranks[0] for part in parts)
    effect = effect_in_words(_largest_effect(parts))
    total = len(parts[0].baseline)
    return f"{rank} of {total} stored runs are better beyond the tolerance; {effect} on its seed"


def ranks(
    parts: Sequence[Comparison], p_values: Sequence[float], limit: float, *, failed: bool
) -> str:
    """How some runs compare with all stored ones; the limit is 0 where none can fail."""
    made, total = len(parts[0].new), len(parts[0].baseline)
    if failed and any(part.all_above() for part in parts):
        effect = effect_in_words(_largest_effect(parts))
        return (
            f"all {made} runs are worse than all {total} stored ones beyond the tolerance: {effect}"
        )
    fails_at = f", fails at {limit:.2g}" if limit else ""
    return f"{_by_p(parts, p_values)}{fails_at}"


def pairs(parts: Sequence[Comparison], paired: float, limit: float) -> str:
    """How the runs of all seeds compare with the stored ones of the same seeds."""
    allowed = sum(part.tolerance for part in parts)
    excess = zip(*(part.excess for part in parts), strict=True)
    worse = sum(sum(seed) > allowed for seed in excess)
    effect = effect_in_words(_largest_effect(parts))
    return (
        f"{worse} of {len(parts[0].new)} seeds worse beyond tolerance: {effect},"
        f" p {paired:.2g} (limit {limit:.2g})"
    )


def finding(verdict: BaselineVerdict, revision: str) -> Finding | None:
    """What a comparison says about the training; None where there is nothing to say.

    Args:
        verdict: the gate's.
        revision: the git revision that was compared with; empty for the recorded baseline.
    """
    against = revision or "its baseline"
    if verdict.outcome == "fail":
        message = f"trains worse than {against}: {_largest(verdict)} in {_runs(verdict)}"
        return Finding(code="worse-than-baseline", message=message, evidence=_evidence(verdict))
    if verdict.perhaps_worse:
        effect = effect_in_words(max(verdict.effect))
        message = (
            f"passes, but perhaps trains worse than {against}: {effect}"
            f" in {_runs(verdict)}, p = {_lowest_p(verdict):.2g}"
        )
        return Finding(
            code="perhaps-worse", message=message, fails=False, evidence=_evidence(verdict)
        )
    if verdict.faster:
        message = f"trains better than {against}: {_largest(verdict)} in {_runs(verdict)}"
        evidence = _evidence(verdict)
        return Finding(code="better-than-baseline", message=message, fails=False, evidence=evidence)
    return None


def refusal(verdict: BaselineVerdict) -> Finding:
    """Why an update did not take place."""
    message = (
        f"worse than the baseline to replace: {_largest(verdict)} in {_runs(verdict)}; accept it "
        'with --converge-accept-worse="the reason"'
    )
    return Finding(code="worse-than-baseline", message=message, evidence=_evidence(verdict))


def effect_in_words(effect: float) -> str:
    """`12 % worse`, `0.3 % better`, `equal`."""
    percent = abs(100 * effect)
    if not math.isfinite(percent):
        return "not finite" if effect > 0 else "better without bound"
    text = f"{percent:.0f}" if percent >= 10 else f"{percent:.2g}"
    if float(text) < 0.01:
        return "equal"
    return f"{text} % {'worse' if effect > 0 else 'better'}"


def _by_p(parts: Sequence[Comparison], p_values: Sequence[float]) -> str:
    lowest = min(p_values)
    effect = parts[p_values.index(lowest)]
    return (
        f"{effect_in_words(effect.scale.effect(effect.median_excess))} at the median of"
        f" {len(effect.new)} seeds, p = {lowest:.2g}"
    )


def _largest_effect(parts: Sequence[Comparison]) -> float:
    """The effect on the score where it is largest for the worse."""
    return max(part.scale.effect(part.median_excess) for part in parts)


def _largest(verdict: BaselineVerdict) -> str:
    effect = max(verdict.effect, key=abs)
    return effect_in_words(max(verdict.effect) if verdict.outcome == "fail" else effect)


def _lowest_p(verdict: BaselineVerdict) -> float:
    values = list(verdict.p_values)
    if verdict.p_pairs is not None:
        values.append(verdict.p_pairs)
    return min(values)


def _runs(verdict: BaselineVerdict) -> str:
    return "1 run" if verdict.runs == 1 else f"{verdict.runs} runs"


def _evidence(verdict: BaselineVerdict) -> dict[str, float | int | str | None]:
    """The numbers behind a verdict under names of their own for each score."""
    names = ("whole", "late") if len(verdict.effect) == 2 else ("metric",)
    evidence: dict[str, float | int | str | None] = {"look": verdict.look, "runs": verdict.runs}
    for name, effect in zip(names, verdict.effect, strict=True):
        evidence[f"{name}_effect"] = effect
    for name, p_value in zip(names, verdict.p_values, strict=False):
        evidence[f"{name}_p"] = p_value
    for name, ranks in zip(names, verdict.ranks, strict=False):
        evidence[f"{name}_ranks"] = " ".join(map(str, ranks))
    if verdict.p_pairs is not None:
        evidence["pairs_p"] = verdict.p_pairs
    evidence["detectable"] = verdict.detectable
    evidence["false_alarm"] = verdict.false_alarm
    return evidence
