"""From a failed run to its diagnosis: the search, and its result in plain values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TypeVar

from pytest_converge.core.diagnosis import Diagnosis, NamedCause, Trial
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.stopwatch import Stopwatch
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining
from pytest_converge.diagnosis.causes import every_cause
from pytest_converge.diagnosis.causes.too_small_capacity import larger
from pytest_converge.diagnosis.evidence import numbers, one_batch
from pytest_converge.diagnosis.reference import together
from pytest_converge.diagnosis.search import search
from pytest_converge.diagnosis.trials import BaselineJudge, Trials
from pytest_converge.training.data.sources import has_composites
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.line_of_effect import line_of_effect
from pytest_converge.training.interventions.mapped_lines import (
    in_a_map,
    name_of_dataset,
    with_lists,
)
from pytest_converge.training.interventions.named_variables import (
    all_variables,
    known_in,
    one_variable,
    the_model,
)
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.loop.run import Progress, TrainingRun
from pytest_converge.training.state.snapshot import name_of
from pytest_converge.training.training import Training

__all__ = ["diagnose", "undiagnosed", "without_trials"]

#: The line of a repair that makes a training longer.
STEPS = re.compile(r"^steps=(\d+)$", re.MULTILINE)
#: What stands for one of the trained variables in the line of a repair, and for all of them.
VARIABLE = re.compile(r"(?<![\w.])variables\[(\d+)\]")
VARIABLES = re.compile(r"(?<![\w.])variables\b(?!\[|=)")
#: A line about the data set of a call.
OF_A_DATASET = re.compile(r"^dataset = dataset\b", re.MULTILINE)
#: What stands for the model.
MODEL = re.compile(r"(?<![\w.])model(?=\.)")
Named = TypeVar("Named", NamedCause, Trial)
#: What is proven may take so much longer for a line to paste, as long as some runs.
SECONDS_FOR_A_LINE = 2.0
#: From so many causes on each has a sentence of its own.
SEVERAL = 2


def diagnose(
    running: TrainingRun,
    record: TrainingRecord,
    expectation: Expectation,
    *,
    budget: float,
    progress: Progress,
    baseline: BaselineJudge | None = None,
) -> Diagnosis:
    """Finds why a training failed, by repairing it.

    Args:
        running: the failed run, not yet released; it is left as it was.
        record: what was measured of it.
        expectation: what it was judged by.
        budget: seconds, as a `Stopwatch` counts them.
        progress: told about every run.
        baseline: what a repair is held to beside the expectation, where the test has one.
    """
    watch = Stopwatch()
    # The failure is known, and stays what there is to tell, whatever else a builder does.
    reruns = Reruns(running, record.seed, progress, spares_builder=True)
    trials = Trials(
        reruns,
        expectation,
        budget=budget,
        watch=watch,
        unit=record.seconds,
        failed=record,
        baseline=baseline,
    )
    failed, causes = FailedTraining(trials, record), every_cause()
    try:
        answer = search(failed, causes)
        answer = _in_code(failed, answer)
    finally:
        reruns.put_back()
    cause = causes.get(answer.cause)
    if cause is not None and not answer.message:
        answer = dataclasses.replace(answer, message=cause.says(failed.evidence, answer))
    named = _named(failed, answer, causes)
    if len(named) > 1:
        message = "; ".join(f"{part.cause}: {part.message}" for part in named)
        answer = dataclasses.replace(answer, message=message)
    return _diagnosis(failed, answer, named)


def _in_code(failed: FailedTraining, answer: Answer) -> Answer:
    """The same answer with the line of the user's code that does what a proven change does."""
    trials, trial = failed.trials, answer.trial
    change = trials.changes.get(answer.change)
    if trial is None or change is None or not change.in_words or answer.fix or answer.parts:
        return answer
    failed.reruns.put_back()
    end = trials.watch.elapsed + SECONDS_FOR_A_LINE
    line = trials.guard.measured(
        "a line of the user's code",
        lambda: line_of_effect(failed.training, change, lambda: trials.watch.elapsed < end),
    )
    if not line:
        return answer
    trial = trials.done[trial.change] = dataclasses.replace(trial, fix=line)
    return dataclasses.replace(answer, trial=trial)


def _named(
    failed: FailedTraining, answer: Answer, causes: Mapping[str, Cause]
) -> tuple[NamedCause, ...]:
    """Every cause of an answer with its own sentence and its own part of the repair."""
    trial = answer.trial
    if answer.cause not in causes:
        return ()
    by_code: dict[str, list[Intervention]] = {}
    for part in answer.parts:
        by_code.setdefault(part.code, []).append(part)
    if len(by_code) < SEVERAL or trial is None:
        fix = answer.fix or ("" if trial is None else trial.fix)
        own = NamedCause(cause=answer.cause, message=answer.message, fix=fix, where=answer.where)
        return (own,)
    return tuple(
        NamedCause(
            cause=part.code,
            message=causes[part.code].says_in_part(failed.evidence, part, trial),
            fix=part.fix,
            where=part.where,
        )
        for part in map(together, by_code.values())
    )


def undiagnosed(training: Training) -> Diagnosis:
    """That no change of a training can be tried, and why."""
    message = f"no cause was looked for: {training.why_unchanged}"
    return Diagnosis(
        cause="unknown", message=message, excluded=(("every change", training.why_unchanged),)
    )


def without_trials(running: TrainingRun, record: TrainingRecord) -> Diagnosis:
    """Why a training that makes no update failed: no change of it would act.

    Args:
        running: the failed run.
        record: of a training that is `never_updated`.
    """
    training = running.training
    message = "no step changes any of the variables that are to be trained"
    if training.optimizers:
        message = "the step never calls its optimizer"
        if running.loop.driver != "eager":
            message = (
                "the compiled step never calls its optimizer: a condition of Python, as a counter,"
                " is decided once, while the step is traced"
            )
    where = tuple(name_of(variable) for variable in training.trainable)
    return Diagnosis(cause="frozen-variables", message=message, where=where)


def _diagnosis(failed: FailedTraining, answer: Answer, named: tuple[NamedCause, ...]) -> Diagnosis:
    trials, own = failed.trials, answer.trial
    evidence = numbers(failed.evidence, failed.record)
    if own is None and failed.reruns.rows_of_any_kind is not None:
        reading = one_batch(failed.reruns, trials.guard)
        if reading is not None:
            evidence["one_batch_initial_loss"] = reading.initial
            evidence["one_batch_final_loss"] = reading.final
    out_of_reach = _out_of_reach(failed, answer.cause)
    excluded = (*trials.guard.failed, *out_of_reach)
    callbacks = failed.training.callbacks
    if callbacks is not None and callbacks.repeated:
        evidence["repeated_callbacks"] = ", ".join(callbacks.repeated)
    found = Diagnosis(
        cause=answer.cause,
        message=answer.message,
        fix=answer.fix or (own.fix if own is not None else ""),
        evidence=evidence,
        where=answer.where,
        verified=_verified(trials, answer),
        tried=tuple(trials.done.values()),
        excluded=tuple(dict.fromkeys(excluded)),
        bracket=answer.bracket,
        floor=answer.floor,
        seconds=trials.watch.elapsed,
        budget=trials.budget,
        left_out=tuple(dict.fromkeys(trials.left_out)),
        causes=named,
    )
    return _as_said(failed, found)


def _as_said(failed: FailedTraining, found: Diagnosis) -> Diagnosis:
    """In the user's own terms: steps in epochs where the call gave these, variables by name."""
    training = failed.training

    def said(fix: str) -> str:
        fix = STEPS.sub(lambda match: training.length_as_said(int(match[1])), fix)
        if "variables =" in fix:
            return fix  # it says what they are
        lines = []
        fix = OF_A_DATASET.sub(lambda m: m[0].replace("dataset", name_of_dataset(training)), fix)
        for line in fix.splitlines():
            code, mark, note = in_a_map(training, line).partition("  #")
            named = VARIABLE.sub(lambda m: one_variable(training, int(m[1])) or m[0], code)
            named = VARIABLES.sub(lambda m: all_variables(training) or m[0], named)
            named = MODEL.sub(the_model(training), named)
            owner = "" if mark or named == code else known_in(training, named)
            lines.append(f"{named}  # in {owner}" if owner else f"{named}{mark}{note}")
        return with_lists(training, "\n".join(lines))

    def each(parts: tuple[Named, ...]) -> tuple[Named, ...]:
        return tuple(dataclasses.replace(part, fix=said(part.fix)) for part in parts)

    return dataclasses.replace(
        found,
        message=VARIABLE.sub(lambda m: one_variable(training, int(m[1])) or m[0], found.message),
        fix=said(found.fix),
        verified=each(found.verified),
        tried=each(found.tried),
        causes=each(found.causes),
    )


def _verified(trials: Trials, answer: Answer) -> tuple[Trial, ...]:
    """What holds on every seed, the proof of the cause first and under its name."""
    own = answer.trial
    verified = [trial for trial in trials.done.values() if trial.verified and not trial.control]
    verified.sort(key=lambda trial: (trial is not own, trial.code != answer.cause))
    return tuple(
        dataclasses.replace(trial, code=answer.cause) if trial is own else trial
        for trial in verified
    )


def _out_of_reach(failed: FailedTraining, cause: str) -> list[tuple[str, str]]:
    """Changes that this training does not let anybody make, and why."""
    training, reasons = failed.training, []
    if failed.reruns.rows is None:
        why = "the data is closed over by the loss or the step"
        if not failed.reruns.roles:
            why = "only the step knows what the parts of the data are"
        elif training.data is not None:
            why = training.data.reason
            if has_composites(training.first_batch()):
                scales = "rows of different lengths, or with values left out, have no columns"
                reasons.append(("scales of features and targets", scales))
        reasons.append(("other data", why))
    reasons += _of_the_optimizer(failed)
    if training.callbacks is not None:
        why = "it only writes, and took part in the first run alone"
        reasons += [(name, why) for name in training.callbacks.left_out]
    if training.beyond_reach:
        why = "the step was repeated more often than asked, from its variables alone"
        reasons.append((training.beyond_reach, why))
    # A model's size matters where nothing was found.
    if cause in ("unknown", "unreachable-target") and training.model is not None:
        fixed = failed.trials.guard.measured("a wider model", lambda: not larger(training))
    else:
        fixed = False
    if fixed:
        reasons.append(("a wider model", "Keras cannot rebuild it with other sizes"))
    return reasons


def _of_the_optimizer(failed: FailedTraining) -> list[tuple[str, str]]:
    if not failed.training.optimizer_is_ours:
        return [("another optimizer", "the step holds its own")]
    if failed.takes_optimizer and not failed.takes_rate:
        why = "the step sets it, whatever the optimizer begins with"
        return [("an optimizer with a learning rate of its own", why)]
    return []
