"""The reference training: everything repaired at once, and what of it can be taken back.

Delta debugging (Zeller and Hildebrandt 2002, *Simplifying and isolating failure-inducing input*)
over trainings: the failed one and one that works differ by a set of changes. They are taken back,
first the remedies, which help whatever the cause, then those with the weakest evidence, in halves
and one by one, as long as the training still passes. What is left is needed, each part of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from pytest_converge.diagnosis.by_heart import BY_HEART, unless_by_heart
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining
from pytest_converge.diagnosis.causes.labels_unrelated import left_out
from pytest_converge.diagnosis.causes.plateau import cause_of_an_escape
from pytest_converge.diagnosis.causes.too_few_steps import LONGER, MUCH_LONGER, STILL_GAINS
from pytest_converge.diagnosis.causes.too_small_capacity import larger
from pytest_converge.diagnosis.causes.unshuffled_data import comes_sorted
from pytest_converge.diagnosis.rate_search import far_off, usual_rates
from pytest_converge.diagnosis.skill import skill_in_squares
from pytest_converge.diagnosis.trials import OutOfTimeError
from pytest_converge.training.interventions import optimizers, targets
from pytest_converge.training.interventions import steps as more_steps
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.plain_network import plain_network

__all__ = ["Parts", "guilty_model", "seen_causes", "smallest_difference", "together", "without"]

#: Several changes that are made at once, each of another cause.
Parts = tuple[Intervention, ...]

#: Rates of Adam in a reference training: ten times Keras' default for trainings as short as a
#: test, and the default (Kingma and Ba 2015, arXiv:1412.6980).
ADAM_RATES = (0.01, 0.001)
#: Multiples of a rate that are tried where no optimizer can take its place.
FACTORS = (0.1, 10.0, 0.01, 100.0)
#: Of a run that loses less than this share of its loss also these: its steps may be of any length.
STANDS_STILL, FAR_FACTORS = 0.05, (1e3, 1e4, 1e5)
#: Sets of changes that are tried on more seeds, from the smallest on.
MOST_VERIFIED = 3
#: A model is at fault where a plain network leaves less than this share of what it leaves: a
#: choice, far from what noise makes of two networks on the same rows.
LEFT_BY_THE_MODEL = 0.5
#: Causes whose repairs are tried without a sign of them: what a callback does is not known before
#: it is left out, nor whether a source shuffles, where its targets do not show it.
TRIED_UNSEEN = frozenset({"unshuffled-data", "harmful-callback"})
#: The share of the budget after which no more is taken back, so that what is left can be verified.
TAKING_BACK = 0.6


def smallest_difference(failed: FailedTraining, causes: Mapping[str, Cause]) -> Answer | None:
    """The smallest set of changes that was found under which the training passes, as an answer.

    Args:
        failed: the training, of which no single change made a sound one.
        causes: by their codes; what is usual in place of what the training has comes from them.

    Returns:
        None where no reference training passes, or where its difference does not hold.
    """
    search = _Search(failed, causes)
    parts = search.reference()
    if parts is None:
        return None
    with contextlib.suppress(OutOfTimeError):  # then less is taken back than could be
        search.smallest(parts)
    answer = search.verified()
    if answer is None or search.tells_no_more(answer):
        return None
    return unless_by_heart(failed, answer)


def seen_causes(failed: FailedTraining) -> set[str]:
    """The codes of the changes that were tried since something shows their causes."""
    codes = {change.code for change in failed.trials.changes.values()} - TRIED_UNSEEN
    sorted_rows = failed.trials.guard.measured("order of rows", lambda: comes_sorted(failed))
    return codes | ({"unshuffled-data"} if sorted_rows else set())


def without(parts: Parts, candidates: Parts, passes: Callable[[Parts], bool]) -> Parts:
    """`parts` without those of the candidates that are not needed: all, or by halves.

    Args:
        parts: a set that passes.
        candidates: those of them that may not be needed.
        passes: whether a smaller set, never an empty one, still does.
    """
    rest = tuple(part for part in parts if part not in candidates)
    if not candidates or not rest:
        return parts if len(candidates) < 2 else _by_halves(parts, candidates, passes)
    if passes(rest):
        return rest
    return parts if len(candidates) == 1 else _by_halves(parts, candidates, passes)


def _by_halves(parts: Parts, candidates: Parts, passes: Callable[[Parts], bool]) -> Parts:
    half = len(candidates) // 2
    parts = without(parts, candidates[half:], passes)
    return without(parts, candidates[:half], passes)


def _with_and_without(remedy: Parts, parts: Parts) -> tuple[Parts, ...]:
    """Without a remedy first, which the smallest set is to do without where it can."""
    return (parts, (*parts, *remedy)) if remedy else (parts,)


def together(parts: Sequence[Intervention]) -> Intervention:
    """All changes at once, the code of the first."""
    return functools.reduce(Intervention.with_causes, parts)


def guilty_model(failed: FailedTraining) -> Answer | None:
    """That the model is at fault, where a plain network learns its rows and it does not.

    It does not compute what its targets need. No cause is named where no time was left for changes
    that something hints at, as a larger model.
    """
    rows, training, signal = failed.reruns.rows, failed.training, failed.signal
    if rows is None or training.model is None or (signal is not None and signal.none):
        return None
    if failed.trials.expectation.metrics:
        return None  # it has none of them
    change = plain_network(rows.arrays)
    failed.trials.budget = math.inf  # the control is one run, and without it nothing can be said
    trial = None if change is None else failed.trials.control(change, confirm=False)
    if change is None or trial is None or not trial.passed:
        return None
    if not (signal is not None and signal.some) and _by_heart(failed, change):
        return None
    skill = failed.trials.records[change.change].skill or 0.0
    best = _best_skill(failed, change)
    if best is None or not 1 - skill < LEFT_BY_THE_MODEL * (1 - best):
        return None
    message = (
        f"a plain network learns these rows (skill {skill:.2g}), this model does not under any"
        f" change (at most {max(best, 0.0):.2g}): look at the model and its loss"
    )
    cause = "unknown" if left_out(failed) else "output-loss-mismatch"
    return Answer(cause=cause, message=message)


def _best_skill(failed: FailedTraining, control: Intervention) -> float | None:
    """The best skill of the model itself under any change; None where that is not known."""
    records = [failed.record, *failed.trials.records.values()]
    others = [record for record in records if record is not failed.trials.records[control.change]]
    best = max((each.skill for each in others if each.skill is not None), default=0.0)
    if failed.record.skill is not None:
        return best
    reached = skill_in_squares(failed)  # under a loss of the user's
    return None if reached is None else max(best, reached)


def _by_heart(failed: FailedTraining, change: Intervention) -> bool:
    """Whether a network learns targets in random order as well: then it says nothing about them."""
    permuted = targets.permuted(0).combined(change)
    trial = failed.trials.control(permuted, confirm=False)
    return trial is None or trial.passed > 0


class _Search:
    """What was found so far.

    Attributes:
        passing: the sets that passed on the failed run's seed, the latest and smallest last.
    """

    def __init__(self, failed: FailedTraining, causes: Mapping[str, Cause]) -> None:
        self._failed = failed
        self._order = {
            cause.code: min((step.place for step in cause.steps), default=0)
            for cause in causes.values()
        }
        self._seen = set(failed.trials.changes)
        every = [
            group
            for cause in sorted(causes.values(), key=lambda cause: self._order[cause.code])
            if cause.usual is not None
            for group in self._usual(cause)
            if group
        ]
        # Two causes may ask for the same change.
        groups = list({group[0].change: group for group in reversed(every)}.values())[::-1]
        self._first: Parts = tuple(group[0] for group in groups)
        self._others = [
            tuple(other if group is given else given[0] for given in groups)
            for group in groups
            for other in group[1:]
        ]
        self.passing: list[Parts] = []

    def _usual(self, cause: Cause) -> list[Parts]:
        usual = cause.usual
        if usual is None:
            return []
        name = f"{cause.code}: what is usual"
        found = self._failed.trials.guard.measured(
            name, lambda: [tuple(group) for group in usual(self._failed)]
        )
        is_idle = self._failed.trials.is_idle
        return [tuple(change for change in group if not is_idle(change)) for group in found or []]

    # ---- a training that works ----

    def reference(self) -> Parts | None:
        """The first set of changes, everything repaired, that passes; None without one."""
        for parts in self._references():
            # What is known to fail from another start passed by luck of the first.
            if parts and not self._fails_elsewhere(parts) and self._passes(parts):
                return parts
        return None

    def _fails_elsewhere(self, parts: Parts) -> bool:
        trial = self._failed.trials.done.get(together(parts).change)
        return trial is not None and trial.passed < trial.seeds

    def _references(self) -> Iterator[Parts]:
        if not self._first:
            return  # the remedies are tried one by one
        remedies = self._optimizers()
        codes = seen_causes(self._failed)
        sure = [part for part in self._first if part.code in codes]
        seen = tuple(part for part in sure if part.change in self._seen)
        if seen and seen != self._first:  # it leaves less to be taken back
            yield from _with_and_without(remedies[0], seen)
        yield from _with_and_without(remedies[0], self._first)
        for remedy in remedies[1:]:
            yield (*self._first, *remedy)
        for parts in self._others:
            yield (*parts, *remedies[0])
        known = (*self._first, *remedies[0])
        for more in self._more():
            yield (*known, *more)
        longer, longest = (self._steps(factor) for factor in (LONGER, MUCH_LONGER))
        if self._gains(known, (*known, longer)):
            yield (*known, longest)

    def _steps(self, factor: int) -> Intervention:
        return more_steps.more(self._failed.reruns.steps, factor)

    def _gains(self, parts: Parts, longer: Parts) -> bool:
        """Whether a longer training ended clearly lower, so that one still longer may do."""
        done = self._failed.trials.done
        trials = [done.get(together(each).change) for each in (parts, longer)]
        losses = [trial.losses[0] for trial in trials if trial is not None]
        return len(losses) == len(trials) and losses[1] < (1 - STILL_GAINS) * losses[0]

    def _optimizers(self) -> list[Parts]:
        """Adam, or the user's own optimizer at other rates where none can take its place."""
        failed = self._failed
        if failed.takes_rate:
            code = self._code_of_the_optimizer()
            return [(optimizers.adam(code, rate),) for rate in ADAM_RATES]
        return [
            (),
            *((change,) for change in failed.at_rates(*failed.not_steeper(self._factors()))),
        ]

    def _code_of_the_optimizer(self) -> str:
        """What it means that Adam remains: a rate far off the usual ones, or what the run shows."""
        failed = self._failed
        off = far_off(failed.training.optimizers[0].optimizer, failed.evidence.rate)
        if off == "high" or (off and not failed.evidence.never_too_slow):
            return f"learning-rate-too-{off}"
        return cause_of_an_escape(failed)

    def _usual_rates(self) -> tuple[float, ...]:
        return usual_rates(self._failed.training.optimizers[0].optimizer)

    def _factors(self) -> tuple[float, ...]:
        curve = self._failed.record.curve
        stands = abs(curve.last - curve.first) < STANDS_STILL * abs(curve.first)
        up_first = (*FACTORS[1::2], *(FAR_FACTORS if stands else ()), *FACTORS[::2])
        return FACTORS if self._failed.evidence.unstable else up_first

    def _more(self) -> list[Parts]:
        longer = self._steps(LONGER)
        wider = larger(self._failed.training) if self._failed.takes_optimizer else ()
        return [(wider[0],), (wider[0], longer)] if wider else [(longer,)]

    # ---- taken back ----

    def smallest(self, parts: Parts) -> None:
        """Takes back what is not needed: remedies first, then what nothing hints at."""
        repairs = [part for part in parts if part in self._first or self._is_other(part)]
        remedies = [part for part in parts if part not in repairs]
        parts = self._with_own_optimizer(parts, remedies)
        late = [part for part in parts if part in remedies]
        for part in late:
            parts = without(parts, (part,), self._passes)
        weak = [part for part in parts if part.change not in self._seen and part in repairs]
        parts = without(parts, tuple(weak), self._passes)
        for part in (*reversed([p for p in parts if p not in weak]), *parts):
            if part in parts:
                parts = without(parts, (part,), self._passes)
        self._longer_for_larger(parts)

    def _longer_for_larger(self, parts: Parts) -> None:
        """More steps in place of a larger model and some more: what was slow is not too small."""
        remedies = [part for part in parts if part.code in BY_HEART]
        if {part.code for part in remedies} == BY_HEART:
            rest = (part for part in parts if part not in remedies)
            self._passes((*rest, self._steps(MUCH_LONGER)))

    def _is_other(self, part: Intervention) -> bool:
        return any(part in parts for parts in self._others)

    def _with_own_optimizer(self, parts: Parts, remedies: list[Intervention]) -> Parts:
        """The user's own optimizer in place of Adam, at its own rate or at one that suits."""
        replaced = [part for part in remedies if part.other_optimizer]
        if not replaced:
            return parts
        rest = tuple(part for part in parts if part not in replaced)
        # Settings of the optimizer that nothing hinted at do not show under Adam.
        whole = (*rest, *(part for part in self._first if part not in rest))
        bases = [rest, whole][: 1 + (whole != rest)]
        rates = [(change,) for change in self._own_rates()]
        # As it is before any other rate, which may make up for a schedule or a momentum.
        for base, rate in [*((b, ()) for b in bases), *itertools.product(bases, rates)]:
            if (*base, *rate) and self._passes((*base, *rate)):
                return (*base, *rate)
        return parts

    def _own_rates(self) -> list[Intervention]:
        """The user's optimizer at the rates that suit most trainings, then around its own."""
        failed, own = self._failed, abs(self._failed.evidence.rate)
        if not own > 0:
            return []
        usual = [rate / own for rate in self._usual_rates()]
        factors = [float(f"{factor:.3g}") for factor in (*usual, *self._factors())]
        kept = [factor for factor in dict.fromkeys(factors) if not 0.5 < factor < 2.0]
        return failed.at_rates(*kept)

    def _passes(self, parts: Parts) -> bool:
        trials = self._failed.trials
        if self.passing and trials.spent > TAKING_BACK * trials.budget:
            raise OutOfTimeError
        trial = trials.try_out(together(parts), confirm=self._needs_all(parts))
        passed = trial is not None and trial.passed > 0
        if passed:
            self.passing.append(parts)
        return passed

    def _needs_all(self, parts: Parts) -> bool:
        """Whether it is known that none of them can be taken back: then it is proven at once."""
        done = self._failed.trials.done
        smaller = (parts[:place] + parts[place + 1 :] for place in range(len(parts)))
        trials = [done.get(together(rest).change) if rest else None for rest in smaller]
        failed = [trial is not None and not trial.passed for trial in trials]
        return len(parts) == 1 or all(failed)

    # ---- proven ----

    def _place(self, part: Intervention) -> tuple[bool, int]:
        """Where a change stands in the order of evidence; a rate that others may need, last."""
        return abs(part.rate_factor) != 1.0, self._order.get(part.code, 0)

    def verified(self) -> Answer | None:
        """The smallest set that passes on every seed, as an answer; None where none does.

        Where no time is left to try other seeds, it is the one that passed on its own.
        """
        for number, parts in enumerate(self._to_verify()):
            change = together(parts)
            try:
                found = self._failed.first_passing([change])
            except OutOfTimeError:
                trial = self._failed.trials.done[change.change]
                found = Answer(cause=change.code, trial=trial, where=change.where)
            if found is not None:
                # What was taken back from it by luck of one seed was not the part to take back.
                return (number and self._with_less(parts)) or self._answer(parts, found)
        return None

    def _with_less(self, parts: Parts) -> Answer | None:
        """A set without one of its parts that passes on every seed as well."""
        with contextlib.suppress(OutOfTimeError):
            for part in reversed(parts):
                rest = tuple(each for each in parts if each is not part)
                change = together(rest) if rest else None
                if change is not None and change.change not in self._failed.trials.done:
                    found = self._failed.first_passing([change])
                    if found is not None:
                        return self._with_less(rest) or self._answer(rest, found)
        return None

    def _to_verify(self) -> Iterator[Parts]:
        """The sets that passed, from the smallest on; more steps before what needs a larger model.

        What is enough from some starts alone may be too slow: a larger model would help as well.
        """
        latest = self.passing[: -MOST_VERIFIED - 1 : -1]
        for parts, larger_set in zip(latest, [*latest[1:], ()], strict=True):
            yield parts
            added = [part for part in larger_set if part not in parts]
            if any(part.code == "too-small-capacity" for part in added):
                yield (*parts, self._steps(LONGER))

    def tells_no_more(self, answer: Answer) -> bool:
        """True for a rate or another optimizer alone: the steps for these tell more about it."""
        change = self._failed.trials.changes[answer.change]
        return len(answer.parts) == 1 and (change.other_optimizer or change.rate_factor != 1.0)

    def _answer(self, parts: Parts, found: Answer) -> Answer:
        """One answer, with a part for each cause in the order of evidence."""
        ordered = tuple(sorted(parts, key=self._place))
        first = ordered[0]
        return dataclasses.replace(found, cause=first.code, where=first.where, parts=ordered)
