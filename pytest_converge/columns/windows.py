"""Windows of a series in any order: which follows which, and where their targets lie.

A window that begins one step after another has all of its steps but the last one, so that shuffled
windows can be put back into the order of time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_converge.columns.signal import CLEAR, read_signal

__all__ = ["rows_ahead", "shift_of_windows"]

Array = np.ndarray[Any, Any]

#: Rows of which the next window is among the others, for them to be windows of one series: a
#: choice, of which a series with gaps and rows held out leaves most.
FOLLOWED = 0.8
#: Rows that differ in their first steps: a choice; codes of a few values share those of many.
ALL_APART = 0.9
#: Of so many of them that come in the order of time nothing has to be put back: a choice.
IN_ORDER = 0.5
#: Skills that differ by less count as alike: a choice.
ALIKE = 0.01


def rows_ahead(windows: Array, shift: int) -> Array:
    """For each window the row of the one that begins so many steps after it; -1 for none.

    Args:
        windows: of shape (rows, steps, ...), in any order.
        shift: 0 or more.
    """
    following, place = _following(windows), np.arange(len(windows))
    for _ in range(shift):
        place = np.where(place < 0, -1, following[place])
    return place


def shift_of_windows(windows: Array, targets: Array) -> int:
    """By how many steps the targets of shuffled windows lie before those that they belong to.

    Args:
        windows: of shape (rows, steps, ...), in any order.
        targets: of the same rows.

    Returns:
        0 where these are no windows of one series, where they come in the order of time, or where
        no later target is told clearly better than the given one. Windows that share steps tell the
        targets of each other: they belong to the last of them, as in `Signal.shift`.
    """
    series = windows.ndim in (2, 3) and windows.shape[1] > 1 and len(windows) == len(targets)
    if not series or len(_begins(windows)) < ALL_APART * len(windows):
        return 0
    following = _following(windows)
    known = following >= 0
    if known.mean() < FOLLOWED or (following == np.arange(len(windows)) + 1).mean() > IN_ORDER:
        return 0
    order = _in_time(following)
    signal = read_signal([windows[order]], targets[order])
    later = {} if signal is None else {s: x for s, x in signal.skills.items() if s >= 0}
    best = max(later.values(), default=0.0)
    if not later or best < CLEAR + later[0]:
        return 0
    return max(shift for shift, skill in later.items() if skill > best - ALIKE)


def _following(windows: Array) -> Array:
    """For each window the row of the next one in time; -1 for none."""
    begins = _begins(windows)
    return np.array([begins.get(hash(window[1:].tobytes()), -1) for window in windows])


def _begins(windows: Array) -> dict[int, int]:
    """The first row that has some steps but the last one, by these."""
    found: dict[int, int] = {}
    for row, window in enumerate(windows):
        found.setdefault(hash(window[:-1].tobytes()), row)
    return found


def _in_time(following: Array) -> Array:
    """The rows one behind the other, each once; those that nothing leads to begin."""
    led_to = np.isin(np.arange(len(following)), following)
    order: list[int] = []
    seen: set[int] = set()
    for begin in [*np.flatnonzero(~led_to).tolist(), *range(len(following))]:
        row = begin
        while row >= 0 and row not in seen:
            seen.add(row)
            order.append(row)
            row = int(following[row])
    return np.array(order)
