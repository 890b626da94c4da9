"""The loss landscape: words that are earned by escaping from a point, or by failing to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from pytest_converge.core.diagnosis import Trial
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.clues import Clues
from pytest_converge.diagnosis.trials import SEEDS, Trials, passes
from pytest_converge.training.interventions import starts, steps
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import setting
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.measures.curvature import Curvature, curvature, stability_limit
from pytest_converge.training.state.optimizer import is_plain_sgd

__all__ = [
    "cause_of_an_escape",
    "gains_nothing",
    "has_no_slope",
    "is_saddle",
    "limit",
    "looks_stationary",
    "nudges",
    "nudges_off_the_end",
    "other_starts",
]

#: A run that gains less than this share of its loss may stand on a stationary point.
LITTLE_GAIN = 0.1
#: Negative curvature that counts, against the largest magnitude (180 landscapes, no false saddle).
NEGATIVE = -0.02
#: Lengths of the step along negative curvature, relative to the size of the variables, which
#: counts as 1 at least.
NUDGES = (0.01, 0.1)
#: The gradient at the start against the largest after a nudge: on a saddle there is next to none.
SADDLE_GRADIENT = 1e-3
#: Spreads and numbers of the starts drawn around a given one; around 0 with the larger spread.
SPREADS, DRAWS = (0.3, 1.0), 8
#: By so much lower another start must end to call this one's end a local minimum.
LOWER = 0.02
#: A gauge this near to 1 means that the steps do not feel any curvature.
FLAT_GAUGE = 0.9


def looks_stationary(record: TrainingRecord) -> bool:
    """True where the whole run gained next to nothing and stayed finite."""
    first, last = record.curve.first, record.curve.last
    if record.nonfinite or not math.isfinite(last):
        return False
    return abs(first - last) <= LITTLE_GAIN * abs(first)


def gains_nothing(before: float, after: float) -> bool:
    """True where a longer run ended no lower than what two runs into one floor differ by."""
    return math.isfinite(after) and before - after <= LOWER * abs(before)


def nudges(lab: Laboratory) -> Iterator[Intervention]:
    """Steps off the start along the direction of most negative curvature, both ways."""
    lab.put_back()
    found = _curvature(lab)
    if found is None or not found.ratio < NEGATIVE:
        # Higher derivatives alone may lead down from where the gradient vanishes.
        for spread in NUDGES:
            yield dataclasses.replace(starts.elsewhere(0, spread), code="saddle-point")
        return
    size = max((float(abs(v.numpy()).max()) for v in lab.training.trainable), default=0.0)
    for relative in NUDGES:
        for sign in (1.0, -1.0):
            length = sign * relative * max(size, 1.0)
            yield starts.nudged(found.direction_of_smallest, length, "saddle-point")


def nudges_off_the_end(lab: Laboratory, record: TrainingRecord) -> Iterator[Intervention]:
    """Steps off the point where the run came to rest, where its slope ends and its curvature falls.

    Only for a loss without data: the gradient of a batch never ends.
    """
    norms = record.curve.gradient_norm
    if not lab.training.full_batch or record.nonfinite or not norms:
        return
    if norms[-1] > SADDLE_GRADIENT * max(norms):
        return
    lab.put_back()
    lab.end.restore()
    found = _curvature(lab)
    if found is None or not found.ratio < NEGATIVE:
        return
    for sign in (1.0, -1.0):
        yield starts.nudged(
            found.direction_of_smallest, sign * NUDGES[1], "saddle-point", at=lab.end.values()
        )


def is_saddle(trials: Trials, change: Intervention, record: TrainingRecord) -> bool:
    """Whether the nudge did what time would not, or left a point next to without a gradient."""
    if has_no_slope(trials, change, record):
        return True
    control = trials.try_out(steps.more(trials.laboratory.steps, 2))
    return control is None or not control.verified


def has_no_slope(trials: Trials, change: Intervention, record: TrainingRecord) -> bool:
    """Whether the gradient at the start is next to none against the one behind the nudge."""
    nudged = trials.records[change.change].curve if change.change in trials.records else None
    norms = record.curve.gradient_norm
    if nudged is None or not norms or not nudged.gradient_norm:
        return False
    return norms[0] < SADDLE_GRADIENT * max(nudged.gradient_norm)


def limit(lab: Laboratory) -> float | None:
    """The largest stable learning rate of gradient descent at the start; None for others."""
    if not lab.training.optimizers or not is_plain_sgd(lab.training.optimizers[0].optimizer):
        return None
    lab.put_back()
    found = _curvature(lab)
    momentum = float(setting(lab.training, "momentum") or 0.0)
    return None if found is None else stability_limit(found.largest, momentum)


def cause_of_an_escape(record: TrainingRecord, clues: Clues, gauge: float) -> str:
    """What Adam's success means: a plateau where the run stood still, else a rate that is wrong."""
    if clues.unstable:
        return "learning-rate-too-high"
    return "plateau" if looks_stationary(record) or gauge > FLAT_GAUGE else "learning-rate-too-low"


def other_starts(lab: Laboratory, trials: Trials) -> Trial | None:
    """Whether other starts reach the target by the same training: a local minimum, if so."""
    if lab.training.full_batch:
        return _elsewhere(lab, trials)
    plain = Intervention(
        code="local-minimum", change="other seeds", fix="keras.utils.set_random_seed(1)"
    )
    losses, passed = [], 0
    with lab.changed(plain) as run:
        for number in range(1, SEEDS + 1):
            record = run(number)
            losses.append(record.curve.last)
            passed += passes(record, trials.expectation, plain)
            if not passed:
                break
    trial = Trial(
        change=plain.change, code=plain.code, fix=plain.fix, losses=tuple(losses), passed=passed
    )
    trials.done[plain.change] = trial
    return trial if trial.verified else None


def _elsewhere(lab: Laboratory, trials: Trials) -> Trial | None:
    """The first start that passes, else the best one if it ends clearly lower than any before."""
    lowest, best = trials.best, None
    draws = [(spread, False) for spread in SPREADS] + [(SPREADS[-1], True)]
    for spread, around_zero in draws:
        for seed in range(DRAWS):
            change = starts.elsewhere(seed, spread, around_zero=around_zero)
            trial = trials.try_out(change)
            if trial is None:
                continue
            if trial.verified:
                return trial
            if trial.losses[0] < lowest - LOWER * abs(lowest):
                lowest, best = trial.losses[0], trial
    return best


def _curvature(lab: Laboratory) -> Curvature | None:
    try:
        return curvature(lab.training)
    except Exception:  # noqa: BLE001 - a clue that cannot be had is none
        return None
