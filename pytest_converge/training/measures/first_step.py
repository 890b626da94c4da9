"""The first step of a training, as it is or with something changed: its loss and its updates."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_converge.core.guard import is_ours
from pytest_converge.training.data.batches import Array, Batch
from pytest_converge.training.measures.gradients import undisturbed
from pytest_converge.training.state.graphs import functions_run_eagerly
from pytest_converge.training.state.rewritten import NoCodeError
from pytest_converge.training.state.seeding import draws_noted, preserved, seed_everything
from pytest_converge.training.training import Training

__all__ = ["FirstStep", "first_step"]

#: Two losses, and two updates, are the same up to what the order of float32 sums changes.
SAME_LOSS, SAME_UPDATE = 1e-5, 1e-3

#: Of the numbers that a step draws, where it draws any.
SEED = 0


@dataclasses.dataclass(frozen=True, slots=True)
class FirstStep:
    """What one step did.

    Attributes:
        loss: that it returned.
        start, end: the trained variables before and behind it.
    """

    loss: float
    start: tuple[Array, ...]
    end: tuple[Array, ...]

    def same_loss(self, other: FirstStep) -> bool:
        """Whether both return one loss."""
        return math.isclose(self.loss, other.loss, rel_tol=SAME_LOSS)

    def same_end(self, other: FirstStep) -> bool:
        """Whether both leave the variables alike, to the last digits."""
        pairs = zip(self.end, other.end, strict=True)
        return all(np.allclose(one, two, rtol=1e-6, atol=0) for one, two in pairs)

    def moves_all_of(self, other: FirstStep) -> bool:
        """Whether every variable moves that moves in the other one: nothing falls out of use."""
        moved = zip(self.start, self.end, other.end, strict=True)
        return all(
            np.array_equal(was, theirs) or not np.array_equal(was, ours)
            for was, ours, theirs in moved
        )

    def is_times(self, factor: float, other: FirstStep) -> bool:
        """Whether every update is that of the other one times a factor, and some is any."""
        if all(np.array_equal(*pair) for pair in zip(self.start, self.end, strict=True)):
            return False
        most = max(abs(factor), 1.0)
        return all(
            np.allclose(
                ours - was, factor * (theirs - was), rtol=SAME_UPDATE, atol=most * _least(was)
            )
            for was, ours, theirs in zip(self.start, self.end, other.end, strict=True)
        )


def _least(values: Array) -> float:
    """What rounding leaves of a difference of such numbers."""
    return 1e-6 * float(np.abs(values).max(initial=1e-3))


def first_step(
    training: Training,
    variant: Callable[[], Any] = contextlib.nullcontext,
    batch: Batch = None,
) -> FirstStep | None:
    """One step on the first batch from the present state, outside of any graph and taken back.

    Args:
        training: of the user.
        variant: makes a context in which the step runs.
        batch: another one than the first; None for that.

    What a step draws is the same in all of them, so that nothing else differs between two.

    Returns:
        None where the step fails, as the user's code may under a change that it was not made for,
        and where its loss, or what it leaves, is not finite.
    """
    found, draws = _made(training, variant, batch, seed=None)
    if draws:
        found, _ = _made(training, variant, batch, seed=SEED)
    return found


def _made(
    training: Training, variant: Callable[[], Any], batch: Batch, *, seed: int | None
) -> tuple[FirstStep | None, bool]:
    """The step, and whether it drew numbers that another one would not draw."""
    start = tuple(variable.numpy() for variable in training.trainable)
    draws = False
    try:
        with variant(), preserved(), undisturbed(training), functions_run_eagerly():
            seen = training.first_batch() if batch is None else batch
            if seed is not None:
                seed_everything(seed)
            with draws_noted() as drew:
                loss = float(training.step(seen))
                draws = drew()
            end = tuple(variable.numpy() for variable in training.trainable)
    except NoCodeError:
        return None, False
    except Exception as error:  # of any kind: it was not written for such a change
        if is_ours(error):
            raise
        return None, False
    finite = math.isfinite(loss) and all(np.isfinite(each).all() for each in end)
    return (FirstStep(loss, start, end) if finite else None), draws
