"""What the gate promises, and the settings that allow it."""

from __future__ import annotations

import pytest

from pytest_converge.baselines.gate.bounds import false_alarm, least_alpha, require_alpha
from pytest_converge.core.errors import InvalidTrainingError


@pytest.mark.parametrize("count", [1, 2])
def test_the_least_alpha_is_the_one_that_bounds_its_own_false_alarms(count):
    least = least_alpha(count)
    assert false_alarm(least, count) == pytest.approx(least, rel=1e-9)
    assert false_alarm(0.99 * least, count) > 0.99 * least
    assert false_alarm(0.001, count) < 0.001
    # Four of 24 on each score, p of each, eleven of eleven.
    assert false_alarm(0.001, count) == pytest.approx(count / 10626 + count * 1e-4 + 2**-11)


def test_the_least_alpha_is_itself_allowed():
    require_alpha(least_alpha())
    with pytest.raises(InvalidTrainingError, match=r"0\.00085"):
        require_alpha(0.999 * least_alpha())
