"""How long `converge.fit` trains: optimizer updates, or epochs as `model.fit` counts them."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import operator

from pytest_converge.core.errors import InvalidTrainingError, invalid, shown
from pytest_converge.core.numbers import counted

__all__ = ["Length", "check_count"]

#: What to do about epochs of a length that nobody knows.
STEPS_PER_EPOCH = "Give steps_per_epoch, or the number of updates alone: steps=200."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """The length of a training as its call says it.

    `steps`, the updates, is what a training is measured by; `epochs` is another way to say it:
    epochs times the steps of each. Said in the call, it overrides the `steps` of a marker.

    Args:
        epochs: the number of the last epoch; None where the call gives none.
        steps_per_epoch: updates of an epoch; None for one pass over the data.
        initial_epoch: the number of the first epoch, counted from 0.

    Raises:
        InvalidTrainingError: a number is no whole one, or no epoch is left.
    """

    epochs: int | None = None
    steps_per_epoch: int | None = None
    initial_epoch: int = 0

    def __post_init__(self) -> None:
        for name, lowest in (("epochs", 1), ("steps_per_epoch", 1), ("initial_epoch", 0)):
            value = getattr(self, name)
            if value is None and name != "initial_epoch":
                continue
            object.__setattr__(self, name, check_count(name, value, lowest=lowest))
        if self.epochs is not None and self.initial_epoch >= self.epochs:
            given = f"initial_epoch={self.initial_epoch} with epochs={self.epochs}"
            remedy = "epochs is the number of the last epoch, not how many are trained."
            raise invalid(given, "an epoch that is left to train", remedy)

    def per_epoch(self, batches: int | None) -> int | None:
        """Updates of an epoch; None where neither the call nor the data say it.

        Args:
            batches: of one pass over the data; None where nobody knows.
        """
        return self.steps_per_epoch or batches

    def updates(self, batches: int | None, *, steps: int | None = None) -> int | None:
        """The updates that the epochs of the call make; None where it gives no epochs.

        Args:
            batches: of one pass over the data; None where nobody knows.
            steps: updates that the same call gives beside them.

        Raises:
            InvalidTrainingError: the epochs have no known length, or both are given and differ.
        """
        if self.epochs is None:
            return None
        each = self.per_epoch(batches)
        if each is None:
            given = f"epochs={self.epochs} for data whose number of batches is not known"
            raise invalid(given, "steps_per_epoch beside it", STEPS_PER_EPOCH)
        made = (self.epochs - self.initial_epoch) * each
        if steps is not None and steps != made:
            raise self._disagreement(steps, each, made)
        return made

    def last_epoch(self, steps: int, each: int) -> int:
        """The number of epochs that callbacks are told of, for so many updates.

        Args:
            steps: updates of the training; its last epoch may be cut.
            each: updates of an epoch.
        """
        return self.initial_epoch + math.ceil(steps / each)

    def _disagreement(self, steps: int, each: int, made: int) -> InvalidTrainingError:
        count = (self.epochs or 0) - self.initial_epoch
        product = f"{counted(count, 'epoch')} of {counted(each, 'step')}"
        given = f"steps={steps} beside {product}, which are {made}"
        return invalid(given, "the same number of updates", "Leave one of the two out.")


def check_count(name: str, value: object, *, lowest: int = 1, remedy: str = "") -> int:
    """A whole number that was passed as an argument.

    Args:
        name: of the argument.
        value: what was given.
        lowest: the least that it may be.
        remedy: what to do; an example where empty.

    Raises:
        InvalidTrainingError: it is none, or too small.
    """
    number = lowest - 1
    # A truth value has an index for Python, and for NumPy of old too; a class has it for others.
    if "bool" not in type(value).__name__:
        with contextlib.suppress(TypeError):
            number = operator.index(value)  # type: ignore[arg-type]  # what has none raises
    if number < lowest:
        expected = f"an integer of at least {lowest}"
        raise invalid(f"{name}={shown(value)}", expected, remedy or f"Write {name}=5, for example.")
    return number
