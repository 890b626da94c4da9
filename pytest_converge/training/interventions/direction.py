"""The direction of the steps turned round: a rate, a gradient or a loss of the other sign."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_converge.core.numbers import number
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.interventions.learning_rate import (
    name_of_one,
    name_of_step,
    of_one,
    scaled,
)
from pytest_converge.training.interventions.own_steps import loss_changed, updates_changed
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import with_loss
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = [
    "CODE",
    "downhill",
    "downhill_in",
    "negated_for_bound",
    "negated_loss",
    "negated_score",
    "one_downhill",
    "reversed_sign",
]

#: The cause that all of these prove.
CODE = "uphill-steps"
#: From this cosine on what a step follows is the gradient of its loss: clipping by value and the
#: scale of an optimizer turn it a little, a sign turns it round.
ALONG = 0.9


def reversed_sign(
    training: Training, own: float, *, place: int | None = None, follows: bool = False
) -> Intervention:
    """The sign of a negative learning rate changed.

    Args:
        training: with an optimizer.
        own: its rate.
        place: which of several optimizers it is.
        follows: whether rates that the user's code sets grow with the one that it finds.
    """
    if place is None:
        change = scaled(training, own, -1.0, follows=follows)
        fault = f"the learning rate {own:g} is negative: each step goes uphill"
    else:
        change = of_one(training, place, own, -1.0)
        fault = f"of the optimizers, one has the negative learning rate {own:g}: it goes uphill"
    return dataclasses.replace(change, code=CODE, fault=fault)


def one_downhill(training: Training, place: int, own: float) -> Intervention:
    """The steps of one of several optimizers in the opposite direction.

    Args:
        training: with a step of the user's.
        place: which of its optimizers it is.
        own: its rate.
    """
    change, name = of_one(training, place, own, -1.0), name_of_one(training, place, own)
    return dataclasses.replace(
        change,
        code=CODE,
        change=f"every step of {name} in the opposite direction",
        fix=f"loss = -loss  # that of which {name} gets the gradients",
        fault=f"the steps of {name} go uphill: its loss has the wrong sign",
    )


def downhill(training: Training, along: float | None) -> Intervention:
    """Every step in the opposite direction: a minus too many, or one too few.

    Args:
        training: with a step of the user's.
        along: which way its steps go on its own loss, as of `along_the_slope`.
    """
    wrong = "the loss or its gradient has the wrong sign"
    fix, in_words = "gradients = [-gradient for gradient in gradients]", True
    if training.scales_updates:
        wrong, fix = _of_own_updates(training, along)
        in_words = fix.startswith("#")
    elif along is not None and along < -ALONG:
        kind = type(training.optimizers[0].optimizer).__name__
        wrong = f"the gradient that {kind} gets has the opposite sign of the loss's"
    elif along is not None and along > ALONG:
        wrong = "the optimizer adds what it should subtract"
    return Intervention(
        code=CODE,
        change="every step in the opposite direction",
        fix=fix,
        fault=f"the steps go uphill: {wrong}",
        rate_factor=-1.0,
        in_words=in_words,
    )


def downhill_in(turned: Intervention, kind: str) -> Intervention:
    """The same, where an optimizer class of the user's adds its update.

    Args:
        turned: made by `downhill`.
        kind: the name of the class.
    """
    fault = f"the steps go uphill: {kind} adds its update where it should subtract it"
    return dataclasses.replace(turned, fix=f"# in {kind}: subtract the update", fault=fault)


def _of_own_updates(training: Training, along: float | None) -> tuple[str, str]:
    """(what is wrong, what to do) of updates that a step makes by itself."""
    name = name_of_step(training)
    fix = updates_changed(training, -1.0)
    fix = fix or f"# in {name}: subtract the learning rate times the gradient"
    if along is not None and along < 0:
        return f"{name} adds the gradient of its loss where it should subtract it", fix
    fix = loss_changed(training, lambda code: f"-{code}") or fix
    return "the loss or its gradient has the wrong sign", fix


def negated_loss(training: Training, *, first: float, least: float, bounded: bool) -> Intervention:
    """The loss of the other sign, and so steps of the opposite direction.

    Args:
        training: whose loss falls below 0 without end.
        first: its initial loss.
        least: the lowest one of the failed run.
        bounded: whether the test bounds the loss by what only the other sign can mean.
    """
    change = _negated(training, f"it fell from {number(first)} to {number(least)}")
    return dataclasses.replace(change, loss_factor=1.0 if bounded else None, redefines_loss=True)


def negated_for_bound(training: Training, *, bound: float, least: float) -> Intervention:
    """The loss of the other sign, where only that can meet a bound below 0.

    Args:
        training: whose loss stays above 0.
        bound: of the loss.
        least: the lowest loss of the failed run.
    """
    stays = f"it stays above 0, at {number(least)}, and max_loss={number(bound)} is below"
    return _negated(training, stays)


def negated_score(training: Training, name: str, before: float, after: float) -> Intervention:
    """The loss of the other sign, where a metric went away from its bound while it fell.

    Args:
        training: with a compiled loss of the user's.
        name: of the metric.
        before: the metric at the start.
        after: that at the end.
    """
    moved = f"{name} went from {number(before)} to {number(after)} while the loss fell"
    return dataclasses.replace(_negated(training, moved), loss_factor=None)


def _negated(training: Training, seen: str) -> Intervention:
    """The loss of the other sign; a step that makes its updates by itself is turned round too."""
    by_hand = training.own_train_step or training.verb == "step"
    fix, variant = _negative(training)
    return Intervention(
        code=CODE,
        change="the loss negated",
        fix=fix,
        fault=f"the loss has the wrong sign: {seen}",
        rate_factor=-1.0 if by_hand else 1.0,
        variant=variant,
    )


def _negative(training: Training) -> tuple[str, Variant]:
    if training.verb == "fit" and not training.own_train_step:
        (loss,) = (own for _, own in loss_names(training.model.loss))
        name, before = pasted.compiled_loss(loss)

        def negative(y: Any, predictions: Any) -> Any:
            return -loss(y, predictions)

        fix = f"{before}loss=lambda y, p: -{name}(y, p)"
        return fix, lambda changed: with_loss(changed.model, negative)
    fix = f"loss = lambda: -{training.loss_name}()"
    if training.verb != "minimize":
        own = loss_changed(training, lambda code: f"-{code}")
        fix = own or f"# in {name_of_step(training)}: loss = -loss"
    return fix, lambda changed: attributes_set([(changed, "loss_factor", -1.0)])
