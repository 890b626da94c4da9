"""The comparison of a training with its baseline in the words of every report."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from pytest_converge.core import numbers
from pytest_converge.core.baseline import BaselineReport, BaselineVerdict, EnvironmentChange
from pytest_converge.core.recorded_scores import CURVE_SCORES
from pytest_converge.core.result import ConvergenceResult

__all__ = ["COMMIT_LENGTH", "facts", "message_parts", "note", "other_data", "written_text"]

#: More ranks fill no line of a terminal; the pairs of seeds say more there.
MOST_RANKS = 11
#: Shorter effects read as no effect.
LEAST_EFFECT = 5e-5
#: Digits of a commit that tell it from others.
COMMIT_LENGTH = 12


def effect_text(effect: float) -> str:
    """`12 % worse`, `0.3 % better` or `equal`."""
    if abs(effect) < LEAST_EFFECT:
        return "equal"
    return f"{numbers.share(abs(effect))} {'worse' if effect > 0 else 'better'}"


def score_names(report: BaselineReport) -> tuple[str, ...]:
    """What was ranked, in the order of the verdict's numbers."""
    return (report.metric,) if report.metric else CURVE_SCORES


def note(report: BaselineReport) -> list[str]:
    """What came of the baseline, in parts of a line; nothing that a failure says at length."""
    verdict = report.verdict
    if report.action == "absent":
        return [f"baseline: no such test at {report.revision}"]
    if report.action in {"recorded", "updated"}:
        unjudged = f", not judged: {report.unjudged}" if report.unjudged else ""
        return [f"baseline: {report.action} from {numbers.counted(report.runs, 'run')}{unjudged}"]
    if report.action == "unchanged":
        return ["baseline: unchanged, every run repeats the recorded one"]
    if verdict is None:
        return []
    outcome = "passed" if verdict.passed else "failed"
    against = f" against {report.revision}" if report.revision else ""
    return [f"baseline: {outcome} at the look '{verdict.look}'{against}", *_short(report, verdict)]


def message_parts(report: BaselineReport) -> Iterator[str]:
    """The numbers of a comparison that failed, a line each."""
    verdict = report.verdict
    if verdict is None:
        return
    yield verdict.reason
    for name, numbers_of in _by_score(report, verdict):
        yield f"{name}: {numbers_of}"
    yield _promises(verdict)


def facts(report: BaselineReport) -> Iterator[tuple[str, str]]:
    """What was compared and with what, as pairs of a name and a text."""
    verdict = report.verdict
    where = report.revision or report.path
    if report.commit:
        where += f", recorded at {report.commit[:COMMIT_LENGTH]}"
    made = numbers.counted(report.runs, "run")
    yield "baseline", f"{report.action}: {made}, {where}"
    if verdict is not None:
        yield "look", f"{verdict.look}: {verdict.reason}"
        yield from _by_score(report, verdict)
        yield "promises", _promises(verdict)
    if report.kept:
        yield "obtained", f"{report.kept}, to be shown by: {_shown_by(report)}"
    if report.environment:
        yield "elsewhere", "; ".join(map(difference_text, report.environment))
    if report.data:
        yield "other data", other_data(report)
    if report.unknown:
        yield "unknown", f"what the baseline had of {', '.join(report.unknown)}"


def other_data(report: BaselineReport) -> str:
    """How the rows differ from those that the baseline was recorded on; empty if they do not."""
    return "; ".join(map(difference_text, report.data))


def _shown_by(report: BaselineReport) -> str:
    """The command that shows the runs of a failed comparison, beside the recorded ones if any."""
    words = ["compare", report.path] if report.path else ["show"]
    return shlex.join(["converge", *words, report.kept])


def difference_text(item: EnvironmentChange) -> str:
    """`tensorflow 2.20.0 when recorded, 2.21.0 now`."""
    recorded, present = ("unset" if v is None else v for v in (item.recorded, item.present))
    return f"{item.name} {recorded} when recorded, {present} now"


def written_text(result: ConvergenceResult) -> str:
    """What was written for a training, with the numbers before and after it; empty if nothing."""
    report = result.baseline
    if report is None or not report.written:
        return ""
    number = f", training {result.number}" if result.number > 1 else ""
    text = f"{report.action} {report.path}{number}"
    if report.unjudged:
        return f"{text}, not judged: {report.unjudged}"
    if not report.before:
        return text
    pairs = zip(score_names(report), report.before, report.after, strict=True)
    changes = [f"{name} {numbers.change(*map(numbers.loss, pair))}" for name, *pair in pairs]
    return f"{text}: {', '.join(changes)}"


def _short(report: BaselineReport, verdict: BaselineVerdict) -> Iterator[str]:
    names = score_names(report)
    for name, effect in zip(names, verdict.effect, strict=False):
        yield f"{name} {effect_text(effect)}"
    if verdict.detectable is not None:
        yield f"would have failed from {numbers.share(verdict.detectable)} on"
    if report.environment:
        yield f"{numbers.counted(len(report.environment), 'difference')} of the environment"


def _by_score(report: BaselineReport, verdict: BaselineVerdict) -> Iterator[tuple[str, str]]:
    for index, name in enumerate(score_names(report)):
        parts = [effect_text(verdict.effect[index])]
        if verdict.p_values:
            parts.append(f"p = {numbers.number(verdict.p_values[index], 2)}")
        ranks = " ".join(map(str, verdict.ranks[index]))
        if len(verdict.ranks[index]) <= MOST_RANKS:
            parts.append(f"ranks {ranks} of 20")
        yield name, ", ".join(parts)
    if verdict.p_pairs is not None:
        yield "pairs", f"p = {numbers.number(verdict.p_pairs, 2)}, of equal seeds"


def _promises(verdict: BaselineVerdict) -> str:
    alarms = f"false alarms at most {numbers.share(verdict.false_alarm)}"
    if verdict.detectable is None:
        return alarms
    least = numbers.share(verdict.detectable)
    return f"would have failed from {least} worse on; {alarms}"
