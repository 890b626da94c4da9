"""The sensitivity of a test: which changes for the worse it notices, measured by making them."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

from pytest_converge.core.serialisation import Serialisable
from pytest_converge.core.study import Study

__all__ = ["HARM", "Sensitivity", "TriedMutation"]

#: A change that raises the final loss by less does no harm that a test has to notice: the
#: tolerance of baselines.
HARM = 0.05


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TriedMutation(Serialisable):
    """One change for the worse, and how often the test turned red under it.

    Attributes:
        change: the change in a few words, as in `learning rate x 0.5`.
        losses: the final loss from each start that was run.
        effect: the median over the starts of the final loss against that without the change, as
            a ratio minus one (0.12: 12 % higher); None where a loss is not positive or not finite.
        red: how often the test turned red.
        judged: how often it was judged; 0 where the change was not made.
        gates: codes of the gates that turned it red, each once.
        reason: why the change was not made; empty where it was.
    """

    change: str
    losses: tuple[float, ...] = ()
    effect: float | None = None
    red: int = 0
    judged: int = 0
    gates: tuple[str, ...] = ()
    reason: str = ""

    @property
    def seen(self) -> bool:
        """True where the test turned red every time."""
        return 0 < self.judged == self.red

    @property
    def harmful(self) -> bool:
        """True where the change was made and may not be called harmless."""
        if not self.judged:
            return False
        return self.effect is None or self.effect > HARM


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity(Study):
    """What one training of a test notices.

    Attributes:
        training: which training of its test was changed, counted from 1.
        losses: the final loss from each start without any change.
        red: how often the test turns red on these starts without any change.
        mutations: every change of the catalogue, in its order.
        baseline: the training is gated against recorded loss curves.
        alone: why there is no start but the test's own; empty where there are others.
        left_out: changes for which no time was left.
        seconds, budget: wall time of all runs, and what it was allowed.
    """

    kind: ClassVar[str] = "sensitivity"
    always_shown: ClassVar[bool] = True

    training: int = 1
    losses: tuple[float, ...]
    red: int = 0
    mutations: tuple[TriedMutation, ...]
    baseline: bool = False
    alone: str = ""
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0
    budget: float = 0.0

    @property
    def scalars(self) -> dict[str, float | int | str]:
        """The few numbers and words that say what came of it, by name."""
        made = [each for each in self.mutations if each.judged]
        return {
            "changes": len(made),
            "noticed": sum(each.seen for each in made),
            "harmful_unnoticed": sum(each.harmful and not each.seen for each in made),
            "training": self.training,
            "seconds": round(self.seconds, 3),
        }

    @property
    def smallest(self) -> TriedMutation | None:
        """The seen change with the least effect; one of unknown effect counts as the largest."""
        seen = [mutation for mutation in self.mutations if mutation.seen]
        return min(
            seen, key=lambda each: math.inf if each.effect is None else each.effect, default=None
        )

    @property
    def largest_unseen(self) -> TriedMutation | None:
        """The harmful change with the largest known effect that did not turn the test red always.

        None where every harmful change was seen, and where no effect is known.
        """
        unseen = [each for each in self.mutations if each.harmful and not each.seen]
        known = [each for each in unseen if each.effect is not None]
        return max(known, key=lambda each: each.effect or 0.0, default=None)

    @property
    def blind(self) -> bool:
        """True where something did harm and the test saw nothing."""
        return self.smallest is None and any(each.harmful for each in self.mutations)
