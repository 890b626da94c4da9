"""Whether targets are learnt better than the same targets in random order."""

from __future__ import annotations

import dataclasses
import math

from pytest_converge.diagnosis.cause import FailedTraining
from pytest_converge.diagnosis.skill import constant_loss
from pytest_converge.diagnosis.trials import OutOfTimeError
from pytest_converge.training.interventions import rows, targets
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["RELATED", "gained_on_others", "relation"]

#: Advantage of the best run over one with permuted targets that shows a relation, as a share of the
#: loss of the best constant; and that of one batch learnt by heart, or of permuted targets.
RELATED = 0.05
#: Permutations, each of which related targets beat on rows held out: of three trainings (digits,
#: their features, series) they do by 97 % of the loss of the best constant and more, and with
#: labels in another order by less than nothing.
PERMUTATIONS = 3
#: Of the seconds that a diagnosis is allowed, the share that one control may take: it is made also
#: where all of them are spent.
SHARE_OF_A_CONTROL = 0.25
#: The cause whose code the rows carry that are held out.
CODE = "labels-unrelated"


def relation(failed: FailedTraining) -> float | None:
    """By how much of the constant loss the best run beats the same on permuted targets.

    Where the permuted ones are learnt by heart as well, the failed run is compared with its own
    like: in fewer steps less is learnt so. Where that is by heart too, rows held out tell. None
    where nothing does, and where it is not the loss that was missed.
    """
    asked = failed.reruns.rows is not None and failed.misses_the_loss
    constant = constant_loss(failed) if asked else None
    if constant is None or not constant > 0:
        return None
    best, permuted = _best(failed), targets.permuted(0)
    lowest = failed.record.curve.last
    if best is not None:
        lowest = failed.trials.done[best.change].losses[0]
    failed.trials.budget = math.inf  # the control is one run, and without it nothing can be said
    control = _loss_of(failed, permuted if best is None else permuted.combined(best))
    if control is None:
        return None
    gained = (min(control, constant) - lowest) / constant
    signal = failed.signal
    if gained > RELATED and signal is not None and signal.none:
        # Nobody else can predict them: what is learnt faster may be learnt by heart all the same.
        on_others = gained_on_others(failed, best)
        return gained if on_others is None else on_others
    known = gained > RELATED and signal is not None and signal.some
    if known or constant - control <= RELATED * constant:
        return gained
    return _by_heart(failed, best, gained)


def _by_heart(failed: FailedTraining, best: Intervention | None, gained: float) -> float | None:
    """The same where permuted targets are learnt too: the failed run's own, then rows held out."""
    constant, permuted = constant_loss(failed) or math.nan, targets.permuted(0)
    own = _loss_of(failed, permuted)
    if own is None:
        return None
    of_own = (min(own, constant) - failed.record.curve.last) / constant
    if constant - own <= RELATED * constant and (of_own > RELATED or gained <= RELATED):
        return of_own
    # By heart some orders are learnt faster than others, by chance.
    found = gained_on_others(failed, None)
    if best is not None and gained > RELATED and not (found is not None and found > RELATED):
        found = gained_on_others(failed, best)
    return found


def gained_on_others(failed: FailedTraining, change: Intervention | None) -> float | None:
    """By what share of the constant loss rows held out are predicted better than permuted ones.

    Better than each draw of these, by more than the draws differ.
    """
    name = "" if change is None else change.change
    known, constant = failed.evidence.gained_on_others, constant_loss(failed)
    if name not in known:
        half, other = (rows.random_half(0, CODE, other=o) for o in (False, True))
        trained = half if change is None else change.combined(half)
        looked_at = other if change is None else change.combined(other)

        def gained() -> float:
            real = failed.reruns.loss_on_others(trained, looked_at)
            draws = [targets.permuted(seed) for seed in range(PERMUTATIONS)]
            at_random = [
                failed.reruns.loss_on_others(draw.combined(trained), draw.combined(looked_at))
                for draw in draws
            ]
            # What is learnt by heart is far from others, by more or less from draw to draw.
            return 2 * min(at_random) - max(at_random) - real

        found = failed.trials.guard.measured("rows held out", gained)
        failed.evidence = dataclasses.replace(
            failed.evidence, gained_on_others={**known, name: found}
        )
    gain = failed.evidence.gained_on_others[name]
    return gain / constant if constant and gain is not None and math.isfinite(gain) else None


def _loss_of(failed: FailedTraining, permuted: Intervention) -> float | None:
    try:
        control = failed.trials.control(permuted, confirm=False)
    except OutOfTimeError:
        return None
    return control.losses[0] if control and math.isfinite(control.losses[0]) else None


def _best(failed: FailedTraining) -> Intervention | None:
    """The change that reached the lowest loss, if any did better than the run as it is.

    Of those whose run, which is repeated, takes no more than its share of the budget.
    """
    trials = failed.trials
    affordable = [
        (trial.losses[0], trials.changes[trial.change])
        for trial in trials.like_the_failed_run
        if trial.change in trials.changes
        and trials.seconds_of_run.get(trial.change, 0.0) <= SHARE_OF_A_CONTROL * trials.allowed
    ]
    own = failed.record.curve.last
    least = own if math.isfinite(own) else math.inf
    lower = [(loss, change) for loss, change in affordable if loss < least]
    return min(lower, key=lambda pair: pair[0])[1] if lower else None
