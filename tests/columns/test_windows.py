"""Windows of a series in any order."""

import numpy as np
import pytest

from pytest_converge.columns.windows import rows_ahead, shift_of_windows

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(600, 2)).astype("float32")
STEPS = 6
WINDOWS = np.stack([SERIES[n : n + STEPS] for n in range(590)])
#: What follows from the last three steps of each window.
TARGETS = (WINDOWS[:, -1, 0] + 0.5 * WINDOWS[:, -2, 1] - WINDOWS[:, -3, 0])[:, None]


def shuffled(shift):
    """Windows beside the targets of the windows so many steps earlier, in any order."""
    rows = RNG.permutation(np.arange(shift, len(WINDOWS)))
    return WINDOWS[rows], TARGETS[rows - shift]


@pytest.mark.parametrize("shift", [4, 5, 12])
def test_the_shift_is_found_in_any_order(shift):
    assert shift_of_windows(*shuffled(shift)) == shift


def test_the_window_ahead_is_known_by_what_it_shares():
    windows, _ = shuffled(0)
    ahead = rows_ahead(windows, 3)
    known = ahead >= 0
    assert known.sum() == len(windows) - 3
    np.testing.assert_array_equal(windows[ahead[known], 0], windows[known, 3])


@pytest.mark.parametrize(
    "case", ["paired", "in order", "no windows", "noise", "one step", "codes", "twice"]
)
def test_nothing_is_shifted_where_nothing_tells(case):
    windows, targets = {
        "paired": shuffled(0),
        "in order": (WINDOWS[5:], TARGETS[:-5]),
        "no windows": (RNG.permutation(RNG.normal(size=(500, 6, 2))), TARGETS[:500]),
        "noise": (shuffled(0)[0], RNG.normal(size=(590, 1))),
        "one step": (WINDOWS[:, :1], TARGETS),
        "twice": tuple(np.concatenate([each, each[:150]]) for each in shuffled(12)),
        "codes": (RNG.integers(0, 3, size=(590, 3)), TARGETS),
    }[case]
    assert shift_of_windows(windows, targets) == 0
