"""A limit on the time of a run, looked at between pieces of its steps."""

from __future__ import annotations

import time
from collections.abc import Callable

from pytest_converge.core.errors import invalid

__all__ = ["TimeLimit"]

#: A piece of steps that took less lets the next one be twice as long; one that took more is halved.
#: Well below what anybody sets as a limit, and above what a call of the compiled loop costs (1 ms).
PIECE_SECONDS = 0.25


class TimeLimit:
    """Seconds that a run may take, from when this is made.

    A compiled loop cannot be interrupted. So it is asked for few steps at first, then for as many
    as it makes in a fraction of a second.

    Args:
        seconds: the limit.
        clock: seconds from any fixed moment.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._seconds = seconds
        self._clock = clock
        self._began = self._piece_began = clock()
        self._piece = 1

    def anew(self) -> TimeLimit:
        """The same limit for another run, which begins now."""
        return TimeLimit(self._seconds, self._clock)

    def until(self, done: int, stop: int) -> int:
        """Up to which update the next piece goes, of those up to `stop`."""
        self._piece_began = self._clock()
        return min(stop, done + self._piece)

    def check(self, done: int, steps: int) -> None:
        """Looks at the clock after a piece; a run that has made all steps is in time.

        Args:
            done: updates made.
            steps: updates of the run.

        Raises:
            InvalidTrainingError: the run takes longer than it may.
        """
        now = self._clock()
        self._piece = 2 * self._piece if now - self._piece_began < PIECE_SECONDS else self._halved
        if done < steps and now - self._began > self._seconds:
            given = f"a training at step {done} of {steps} after {now - self._began:.3g} s"
            expected = f"one that ends within --converge-timeout={self._seconds:g}"
            raise invalid(given, expected, "Take fewer or faster steps, or more seconds.")

    @property
    def _halved(self) -> int:
        return max(1, self._piece // 2)
