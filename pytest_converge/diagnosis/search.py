"""The search for a cause: single changes in the order of evidence, then the smallest difference."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, TypeVar

from pytest_converge.core.numbers import loss
from pytest_converge.diagnosis.by_heart import unless_by_heart
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Step
from pytest_converge.diagnosis.causes.label_encoding import out_of_range, unreadable
from pytest_converge.diagnosis.causes.nonfinite_data import nothing_else_helps
from pytest_converge.diagnosis.causes.unreachable_target import known_floor
from pytest_converge.diagnosis.rate_search import far_off
from pytest_converge.diagnosis.reference import guilty_model, seen_causes, smallest_difference
from pytest_converge.diagnosis.trials import OutOfTimeError
from pytest_converge.training.interventions import steps as more_steps

__all__ = ["concluded", "search"]

#: Single changes around which pairs are tried: those that came nearest.
NEAREST = 3
#: From so many causes that were hinted at, and whose repairs did not do, all are made at once.
SEVERAL = 2
#: What the search for the smallest difference is called among what could not be measured.
REFERENCE = "reference training"
#: What a change is paired with: so many times the steps, and multiples of the rate.
LONGER, FACTORS = 4, (10.0, 0.1)

#: What a part of the search finds.
Found = TypeVar("Found")
#: A step with its place and the code of its cause.
Entry: TypeAlias = tuple[Place, str, Step]


def search(failed: FailedTraining, causes: Mapping[str, Cause]) -> Answer:
    """The least change that passes on every seed names the cause, or the causes.

    Args:
        failed: the training.
        causes: by their codes.

    Returns:
        An answer of the cause "unknown" where nothing was found.
    """
    try:
        answer = _repaired(failed, causes)
    except OutOfTimeError:
        answer = _verified_so_far(failed)
    return answer or _partly(failed) or concluded(failed, causes)


def _repaired(failed: FailedTraining, causes: Mapping[str, Cause]) -> Answer | None:
    """Single changes by the order of evidence; where none passes, the smallest set of them."""
    # A cross-entropy of what is no probability meets any bound, however little is learnt.
    failed.trials.has_no_bottom = bool(out_of_range(failed))
    steps = functools.partial(_between, causes)
    difference = functools.cache(lambda: smallest_difference(failed, causes))
    answer = _first_answer(failed, steps(Place.NOT_FINITE, Place.NOT_TRAINED), causes)
    if answer is None and nothing_else_helps(failed):
        return _kept(failed, REFERENCE, difference)
    answer = answer or _first_answer(failed, steps(Place.NOT_TRAINED, Place.RECTIFIERS), causes)
    if answer is None and _several_seen(failed):
        # Another start, or activations that bear anything, would make up for what was seen.
        answer = _kept(failed, REFERENCE, difference)
    answer = answer or _first_answer(failed, steps(Place.RECTIFIERS, Place.SCALE_AND_RATE), causes)
    if answer is None and (unreadable(failed) or _several_seen(failed)):
        answer = _kept(failed, REFERENCE, difference)
    if unreadable(failed):
        return answer
    answer = answer or _first_answer(failed, steps(Place.SCALE_AND_RATE, Place.AT_REST), causes)
    answer = answer or _kept(failed, REFERENCE, difference)
    answer = answer or _first_answer(failed, steps(Place.AT_REST, Place.NOT_FINITE_SEEN), causes)
    return answer or _kept(failed, "pairs of changes", lambda: _pair(failed))


def concluded(
    failed: FailedTraining, causes: Mapping[str, Cause], *, looks_at_model: bool = True
) -> Answer:
    """What can be said where no change passed.

    Args:
        failed: the training.
        causes: by their codes.
        looks_at_model: whether a plain network is trained beside it.
    """
    answer = _first_answer(failed, _between(causes, Place.NOT_FINITE_SEEN, Place.FLOOR), causes)
    if looks_at_model:
        answer = answer or _kept(failed, "a plain network", lambda: guilty_model(failed))
    answer = answer or _first_answer(failed, _between(causes, Place.FLOOR, math.inf), causes)
    if answer is None:
        floor = _kept(failed, "losses of closed form", lambda: known_floor(failed))
        answer = Answer(cause="unknown", message=_unknown(failed, floor or ""))
    return answer


def _between(causes: Mapping[str, Cause], first: Place, end: float) -> list[Entry]:
    """The steps from one place up to another, in the order of evidence."""
    every = [(step.place, cause.code, step) for cause in causes.values() for step in cause.steps]
    return sorted((e for e in every if first <= e[0] < end), key=lambda entry: entry[:2])


def _several_seen(failed: FailedTraining) -> bool:
    """Whether evidence hints at more than one cause, none of which is the only one."""
    codes = seen_causes(failed)
    optimizers = failed.training.optimizers if codes and failed.takes_rate else ()
    rates = any(far_off(each.optimizer, failed.evidence.rate) for each in optimizers)
    return len(codes) + rates >= SEVERAL


def _first_answer(
    failed: FailedTraining, steps: Iterable[tuple[Place, str, Step]], causes: Mapping[str, Cause]
) -> Answer | None:
    for place, code, step in steps:
        name = f"{code}: {place.name.lower().replace('_', ' ')}"
        answer = _kept(failed, name, functools.partial(_answer, failed, step))
        if answer is None:
            continue
        refined = causes[answer.cause].refined
        if refined is None:
            return answer
        more = functools.partial(refined, failed, answer)
        return _kept(failed, f"{answer.cause}: more about it", more) or answer
    return None


def _answer(failed: FailedTraining, step: Step) -> Answer | None:
    answer = None if step.answer is None else step.answer(failed)
    if answer is None and step.repairs is not None:
        answer = failed.first_passing(step.repairs(failed))
    return answer


def _kept(failed: FailedTraining, name: str, look: Callable[[], Found | None]) -> Found | None:
    """What a part of the search finds; where it raises, the error is kept and the search goes on.

    So a failed training is reported whatever becomes of its diagnosis, also where the user's
    code is refused only under a change.
    """
    return failed.trials.guard.measured(name, look, through=(OutOfTimeError,))


def _pair(failed: FailedTraining) -> Answer | None:
    """Two changes at once, around the single ones that came nearest."""
    changes = failed.trials.changes
    ranked = sorted(
        (t for t in failed.trials.like_the_failed_run if t.change in changes),
        key=lambda t: t.losses[0] if math.isfinite(t.losses[0]) else math.inf,
    )
    for change in [changes[trial.change] for trial in ranked[:NEAREST]]:
        # The rate of one of several optimizers was looked at beside the others.
        if change.steps_factor != 1 or change.other_optimizer or change.of_optimizer is not None:
            continue
        partners = [more_steps.more(failed.reruns.steps, LONGER)]
        if change.rate_factor == 1.0:
            partners += failed.at_rates(*failed.not_steeper(FACTORS))
        found = failed.first_passing(change.with_causes(partner) for partner in partners)
        if found is not None:
            return unless_by_heart(failed, found)
    return None


def _verified_so_far(failed: FailedTraining) -> Answer | None:
    """The first repair that was verified before the time was up."""
    for trial in failed.trials.done.values():
        if trial.verified and not trial.control:
            change = failed.trials.changes.get(trial.change)
            where = () if change is None else change.where
            return Answer(cause=trial.code, trial=trial, where=where)
    return None


def _partly(failed: FailedTraining) -> Answer | None:
    """The repair that passed on most seeds, where none passed on all of them.

    In another unit of the loss it passed by its skill, so that it counts as well; among equals what
    keeps the unit is nearer to what was asked for.
    """
    partly = [trial for trial in failed.trials.done.values() if trial.passed and not trial.control]
    if not partly:
        return None
    best = max(partly, key=lambda trial: (trial.passed, trial.comparable))
    message = f"{best.change} repairs it on {best.passed} of {best.seeds} starts"
    return Answer(cause=best.code, trial=best, message=message)


def _unknown(failed: FailedTraining, floor: str) -> str:
    tried = sum(not trial.control for trial in failed.trials.done.values())
    best = failed.best
    reached = "" if math.isnan(best) else f"; the best of them reached {loss(best)}"
    known = f", {floor}" if floor else ""
    return f"none of {tried} changes made the test pass{reached}{known}"
