"""The search for a slip in the user's own code: one expression changed at a time.

Programs are nearly right (DeMillo, Lipton and Sayward 1978), so that the inverse of one small
change is likely to repair them. It comes where no cause that is known by name was proven, and
before the remedies, which help whatever the cause.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pytest_converge.diagnosis.cause import FailedTraining
from pytest_converge.training.interventions.corrected_code import corrected
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["slips"]

#: Of the budget, the share that is looked for them: the remedies have the rest.
SHARE = 0.4
#: Changes that are tried: each costs a trace.
MOST_TRIED = 20
#: A gradient of the first layer below this part of that of the last one: of 40 layers of softsign,
#: which do not train without a path around them, it is 0.05.
FAINT = 0.1


def slips(failed: FailedTraining, code: str) -> Iterator[Intervention]:
    """Changes of one expression of the user's layers, model or step, the likeliest first.

    None comes again that was tried before.

    Args:
        failed: the training.
        code: the cause that they prove.
    """
    training, trials = failed.training, failed.trials
    answers = bool(failed.evidence.computation.targets) if training.own_step else True
    end = min(trials.spent + SHARE * trials.budget, trials.budget)
    failed.reruns.put_back()
    layers = failed.evidence.layers
    ratio = None if layers is None else layers.first_to_last
    changes = corrected(
        training,
        code,
        answers=answers,
        time_is_left=lambda: trials.spent < end,
        end=failed.reruns.end,
        faint=ratio is not None and ratio < FAINT,
    )
    untried = (change for change in changes if change.change not in trials.changes)
    for change in itertools.islice(untried, MOST_TRIED):
        yield change
        failed.reruns.put_back()
