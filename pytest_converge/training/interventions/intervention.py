"""What an intervention is: one thing changed about a training, everything else kept."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.loop.run import Start
from pytest_converge.training.training import Training

__all__ = ["Intervention", "Start", "Variant"]

#: Changes the model or the optimizer of a training while its context lasts.
Variant = Callable[[Training], contextlib.AbstractContextManager[None]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """One change, stated as data so that it can be made and taken back.

    Attributes:
        code: the cause that is proven where the changed training passes.
        change: the change in a few words, as in `learning rate 0.01`.
        fix: the change as code to paste.
        where: the columns, arrays or layers concerned, by name.
        fault: what is wrong where the change repairs it, in words; empty for what the cause says.
        rate_factor: multiplies the learning rate; no new trace.
        of_optimizer: the place of the only optimizer whose rate that is; None for all of them.
        data: other data of the same types; no new trace.
        start: other initial values; no new trace.
        variant: changes the model or the optimizer while its context lasts; traced anew.
        steps_factor: multiplies the number of steps.
        loss_factor: by what the change multiplies the unit of the loss; None where the losses
            cannot be compared.
        redefines_loss: True where targets, weights or the loss are others: a bound that is met then
            proves nothing unless the model is also better than a constant.
        leaves_term: True where a part of the loss is switched off, which makes it lower by itself.
        parts: several changes at once, one by one.
        several: True where each of them stands for a cause of its own.
        other_optimizer: True where another optimizer, with a rate of its own, replaces the user's.
        in_words: True where the fix is no line of the user's code, which may say the same.
        guessed: True for one of many guesses: it says nothing that one cannot be made.
    """

    code: str
    change: str
    fix: str = ""
    where: tuple[str, ...] = ()
    fault: str = ""
    rate_factor: float = 1.0
    of_optimizer: int | None = None
    data: Callable[[ArrayData], ArrayData] | None = None
    start: Callable[[Training, Start], Start] | None = None
    variant: Variant | None = None
    steps_factor: int = 1
    loss_factor: float | None = 1.0
    redefines_loss: bool = False
    other_optimizer: bool = False
    in_words: bool = False
    guessed: bool = False
    leaves_term: bool = False
    parts: tuple[Intervention, ...] = ()
    several: bool = False

    @property
    def changes_rate_alone(self) -> bool:
        """True where nothing but the learning rate is another."""
        parts = (self.data, self.start, self.variant)
        return self.rate_factor != 1.0 and self.steps_factor == 1 and not any(parts)

    @property
    def sentence(self) -> str:
        """What is wrong and what repairs it; empty where it is the cause that says it."""
        return f"{self.fault}; it converges with {self.change}" if self.fault else ""

    def combined(self, other: Intervention) -> Intervention:
        """Both changes at once, the cause and the place of the first."""

        def data(rows: ArrayData) -> ArrayData:
            for change in (self.data, other.data):
                rows = rows if change is None else change(rows)
            return rows

        def start(training: Training, values: Start) -> Start:
            for change in (self.start, other.start):
                values = values if change is None else change(training, values)
            return values

        @contextlib.contextmanager
        def variant(training: Training) -> Iterator[None]:
            with contextlib.ExitStack() as stack:
                for change in (self.variant, other.variant):
                    if change is not None:
                        stack.enter_context(change(training))
                yield

        faults = dict.fromkeys(fault for fault in (self.fault, other.fault) if fault)
        factors = (self.loss_factor, other.loss_factor)
        return Intervention(
            code=self.code,
            change=f"{self.change} and {other.change}",
            fix="\n".join(line for line in (self.fix, other.fix) if line),
            where=self.where + other.where,
            fault=" and ".join(faults),
            rate_factor=self.rate_factor * other.rate_factor,
            of_optimizer=other.of_optimizer if self.rate_factor == 1.0 else self.of_optimizer,
            data=data if self.data or other.data else None,
            start=start if self.start or other.start else None,
            variant=variant if self.variant or other.variant else None,
            steps_factor=self.steps_factor * other.steps_factor,
            loss_factor=None if None in factors else (factors[0] or 1) * (factors[1] or 1),
            redefines_loss=self.redefines_loss or other.redefines_loss,
            other_optimizer=self.other_optimizer or other.other_optimizer,
            leaves_term=self.leaves_term or other.leaves_term,
            parts=(*(self.parts or (self,)), *(other.parts or (other,))),
        )

    def with_causes(self, other: Intervention) -> Intervention:
        """Both changes at once, each of which stands for a cause of its own."""
        return dataclasses.replace(self.combined(other), several=True)
