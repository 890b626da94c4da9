"""What a section of the page says about a training in words, for its template."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from pytest_converge.core import numbers
from pytest_converge.core.diagnosis import Diagnosis, Trial
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report import baseline_comparison
from pytest_converge.report import diagnosis as words
from pytest_converge.report.curve_summary import starts_passed, summarised
from pytest_converge.report.section import training_facts

__all__ = ["Repair", "Row", "TrainingSection", "training_section"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Code that repairs a training.

    Attributes:
        label: what stands in front of it.
        code: to be pasted.
        proof: on how many seeds it passed, and with which loss; empty where it was not run.
    """

    label: str
    code: str
    proof: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table, and how it is coloured.

    Attributes:
        kind: "passed", "failed" or "control".
        cells: the texts.
    """

    kind: str
    cells: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSection:
    """The words of a section.

    Attributes:
        head: what was done, in a line.
        findings: code, sentence and whether it turned the test red.
        causes: code and sentence of each; the code is empty where none was found.
        where: the columns, arrays or layers concerned.
        repairs: the proposed one first.
        trials: a row for each change that was tried; see `TRIALS`.
        starts: a row for each start where there are several; see `STARTS`.
        facts: names and texts of what was measured.
        left: the same of what the diagnosis could not tell.
        environment: names and values.
        command: runs the test again.
    """

    head: str
    findings: tuple[tuple[str, str, bool], ...]
    causes: tuple[tuple[str, str], ...]
    where: str
    repairs: tuple[Repair, ...]
    trials: tuple[Row, ...]
    starts: tuple[Row, ...]
    facts: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    command: str


def training_section(result: ConvergenceResult) -> TrainingSection:
    """The words about a training.

    Args:
        result: passed or failed.
    """
    diagnosis = result.diagnosis
    compared = () if result.baseline is None else baseline_comparison.facts(result.baseline)
    return TrainingSection(
        head=_head(result),
        findings=tuple((f.code, f.message, f.fails) for f in result.findings),
        causes=() if diagnosis is None else tuple(_causes(result, diagnosis)),
        where="" if diagnosis is None else ", ".join(dict.fromkeys(diagnosis.where)),
        repairs=() if diagnosis is None else tuple(_repairs(diagnosis)),
        trials=() if diagnosis is None else tuple(map(_trial, words.all_trials(diagnosis))),
        starts=tuple(_starts(result)),
        facts=(*training_facts(result), *compared),
        left=() if diagnosis is None else tuple(_left(result, diagnosis)),
        environment=tuple((name, str(value)) for name, value in result.environment.items()),
        command=result.command,
    )


def _head(result: ConvergenceResult) -> str:
    seen = summarised(result.curve)
    seconds = numbers.seconds(result.shown_run.record.seconds)
    parts = [f"loss {seen.ends} in {seen.done}", seen.lowest, seconds, starts_passed(result.runs)]
    return ", ".join(part for part in parts if part)


def _causes(result: ConvergenceResult, diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    if not diagnosis.known:
        yield "", words.not_found(diagnosis, result.final_loss)
    elif len(diagnosis.causes) > 1:
        yield from ((part.cause, part.message) for part in diagnosis.causes)
    else:
        yield diagnosis.cause, words.sentence(diagnosis)


def _repairs(diagnosis: Diagnosis) -> Iterator[Repair]:
    if diagnosis.fix.strip():
        proof = words.proof(diagnosis)
        said = "" if proof is None else f"{proof.change}: {words.outcome(proof)}"
        yield Repair(label=words.fix_label(diagnosis), code=diagnosis.fix, proof=said)
    for trial in diagnosis.verified:
        if trial.fix.strip() and trial.fix != diagnosis.fix:
            yield Repair(label=f"or, {trial.change}", code=trial.fix, proof=words.outcome(trial))


def _trial(trial: Trial) -> Row:
    unit = "" if trial.comparable else " (another unit)"
    losses = ", ".join(map(numbers.loss, trial.losses)) or "-"
    kind = "control" if trial.control else "passed" if trial.passed else "failed"
    question = " (asks a question, no repair)" if trial.control else ""
    seconds = numbers.seconds(trial.seconds)
    cells = (trial.change + question, losses + unit, words.passed_text(trial), seconds)
    return Row(kind=kind, cells=cells)


def _starts(result: ConvergenceResult) -> Iterator[Row]:
    for run in result.runs if len(result.runs) > 1 else ():
        seen = summarised(run.record.curve)
        verdict = next((finding.code for finding in run.findings if finding.fails), "passed")
        cells = (str(run.record.seed), seen.ends, str(seen.curve.updates), verdict)
        yield Row(kind="passed" if run.passed else "failed", cells=cells)


def _left(result: ConvergenceResult, diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """What the diagnosis measured, and what it could not tell."""
    measured = ", ".join(words.evidence_parts(diagnosis))
    if measured:
        yield "measured", measured
    if diagnosis.bracket is not None:
        yield "learning rate", ", ".join(words.rates_parts(diagnosis.bracket))
    if diagnosis.floor is not None:
        yield "floor", words.floor_text(diagnosis.floor, result.expectation.max_loss)
    excluded = "; ".join(words.excluded_parts(diagnosis))
    if excluded:
        yield "excluded", excluded
    yield "diagnosis took", words.effort(diagnosis)
