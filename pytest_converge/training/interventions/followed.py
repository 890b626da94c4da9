"""A network that is to follow another one, as the target network of Q-learning, and never does."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.named_variables import all_variables
from pytest_converge.training.measures.first_step import first_step
from pytest_converge.training.state.snapshot import Snapshot, name_of
from pytest_converge.training.training import Training

__all__ = ["followed"]

#: A copy alone may take so much of a loss, as none of the distance from values that are known: a
#: choice.
MOST_TAKEN = 0.5
#: How far the copy goes towards the other network in each step: a tenth, as a moving average, then
#: all of the way (a choice; Lillicrap et al. 2016, arXiv:1509.02971, have 0.001).
SHARES = (0.1, 1.0)


def followed(
    training: Training, still: Sequence[Any], code: str, *, end: Snapshot
) -> list[Intervention]:
    """Variables that stayed as they were brought towards others of their shapes in each step.

    Args:
        training: with a step of the user's.
        still: those of its variables that never changed.
        code: the cause that it proves.
        end: what is trained, as the failed run left it.

    Returns:
        Nothing where the others do not have their shapes, one after the other, or where the loss
        is met by the copy alone: a teacher that a network is trained towards is fixed on purpose.
    """
    known = {id(variable) for variable in still}
    moved = [variable for variable in training.trainable if id(variable) not in known]
    shapes = [[tuple(v.shape) for v in each] for each in (still, moved)]
    if not still or shapes[0] != shapes[1] or training.verb != "step":
        return []
    if _is_aimed_at(training, still, moved, end):
        return []
    return [_following(training, list(still), moved, share, code) for share in SHARES]


def _is_aimed_at(
    training: Training, still: Sequence[Any], moved: Sequence[Any], end: Snapshot
) -> bool:
    """Whether copies of what was trained take most of the loss away without any training."""
    start = training.snapshot()
    end.restore()
    try:
        before = first_step(training)
        for old, new in zip(still, moved, strict=True):
            old.assign(new)
        after = first_step(training)
    finally:
        start.restore()
    return before is None or after is None or after.loss < MOST_TAKEN * before.loss


def _following(
    training: Training, still: list[Any], moved: list[Any], share: float, code: str
) -> Intervention:
    def variant(changed: Training) -> contextlib.AbstractContextManager[None]:
        function = changed.function

        def step(*batch: Any) -> Any:
            loss = function(*batch)
            for old, new in zip(still, moved, strict=True):
                old.assign(old + share * (new - old))
            return loss

        return changed.with_step(step)

    old = all_variables(training, still) or "target.trainable_variables"
    new = all_variables(training, moved) or "online.trainable_variables"
    moves = "new" if share == 1.0 else f"old + {share:g} * (new - old)"
    return Intervention(
        code=code,
        change=f"{old} brought {share:.0%} of the way to {new} in each step",
        fix=f"for old, new in zip({old}, {new}): old.assign({moves})  # after each update",
        where=tuple(name_of(variable) for variable in still),
        fault=f"{old} never changed, while {new} of the same shapes did",
        variant=variant,
    )
