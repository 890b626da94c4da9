"""What a comparison with a baseline says about a training, as findings."""

from __future__ import annotations

from pytest_converge.baselines.gate.wording import effect_in_words
from pytest_converge.core.baseline import BaselineVerdict
from pytest_converge.core.finding import Finding

__all__ = ["finding", "refusal"]


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


def _largest(verdict: BaselineVerdict) -> str:
    effect = max(verdict.effect, key=abs)
    return effect_in_words(max(verdict.effect) if verdict.outcome == "fail" else effect)


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
    evidence["detectable"] = verdict.detectable
    evidence["false_alarm"] = verdict.false_alarm
    return evidence
