"""When a run that was a mere guess need not go on."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from pytest_converge.core.curve import TAIL_SHARE, LossCurve, LossPoints

__all__ = ["no_better_than"]

#: The share of the steps behind which a guess is given up: a choice.
GIVEN_UP_FROM = 0.25


def no_better_than(
    failed: LossCurve, bound: float, *, by_step: bool, active: Callable[[], bool]
) -> Callable[[LossPoints], bool]:
    """What breaks a run off that is no better than a failed one was by then.

    It misses the bound there as well, so that it could not pass if it ended so.

    Args:
        failed: the curve of the failed run, from the same start.
        bound: of the loss.
        by_step: whether the losses of all steps are looked at; else those of the checkpoints, as
            far as there are any.
        active: whether a run is from the same start.
    """
    steps, looked = failed.updates, failed.checkpoints and not by_step
    known = dict(failed.course) if looked else dict(enumerate(failed.batch_loss))

    def no_better(points: LossPoints) -> bool:
        done, now = points[-1]
        if done < GIVEN_UP_FROM * steps or not active():
            return False
        window = [(at, loss) for at, loss in points if at >= (1 - TAIL_SHARE) * done]
        pairs = [(loss, known[at]) for at, loss in window if at in known]
        if not pairs:
            return False
        now, then = map(statistics.median, zip(*pairs, strict=True))
        return bool(now > bound and now >= then)

    return no_better
