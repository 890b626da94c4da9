"""A clock for budgets that other work on the machine does not use up."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["MOST_STRETCHED", "Stopwatch"]

#: A budget lasts at most so many times as long on the clock on the wall, however busy the machine.
MOST_STRETCHED = 2.0


class Stopwatch:
    """Seconds since it was made: of the process's own work, or on the wall where that is less.

    Threads that compute side by side add up to more work than time; a process that waits for others
    makes less of it than time goes by, and its wait counts at half at least, since it may also wait
    for a device or a disk.

    Args:
        wall: seconds that go by for everybody.
        own: seconds that the process computed, all threads together.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.perf_counter,
        own: Callable[[], float] = time.process_time,
    ) -> None:
        self._wall, self._own = wall, own
        self._began = wall(), own()

    @property
    def elapsed(self) -> float:
        """Seconds on the wall."""
        return self._wall() - self._began[0]

    @property
    def spent(self) -> float:
        """Seconds that count against a budget."""
        elapsed = self.elapsed
        return max(min(elapsed, self._own() - self._began[1]), elapsed / MOST_STRETCHED)
