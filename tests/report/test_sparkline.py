"""The curve in one line: scale, spikes, width, encodings."""

from __future__ import annotations

import math
import random
import struct
import sys
import types

import pytest

from pytest_converge.report.sparkline import can_show, log_suits, sparkline


def test_every_level_has_its_bar():
    assert sparkline(range(8), 8, unicode=True) == "▁▂▃▄▅▆▇█"
    assert sparkline(range(8), 8, unicode=False) == "_.:-=+*#"


@pytest.mark.parametrize("unicode", [True, False])
def test_nothing_is_drawn_from_nothing(unicode):
    assert sparkline([], 10, unicode) == ""
    assert sparkline([1.0, 2.0], 0, unicode) == ""
    assert sparkline([1.0, 2.0], -3, unicode) == ""


def test_a_short_curve_is_not_stretched():
    assert sparkline([2.0, 1.0], 80, unicode=True) == "█▁"


@pytest.mark.parametrize("width", [1, 7, 40, 99, 100])
def test_a_long_curve_fills_the_width(width):
    assert len(sparkline([float(i) for i in range(100)], width)) == width


@pytest.mark.parametrize("at", [0, 1, 333, 998, 999])
def test_a_spike_of_one_step_stays_visible(at):
    values = [1.0] * 1000
    values[at] = 50.0
    bars = sparkline(values, 20)
    assert bars.count("█") == 1
    assert bars.index("█") == at // 50


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_broken_step_stays_visible(value):
    values = [1.0 - i / 1000 for i in range(1000)]
    values[500] = value
    assert sparkline(values, 20).count("×") == 1
    assert sparkline(values, 20, unicode=False).count("x") == 1


def test_only_broken_values():
    assert sparkline([math.nan, math.inf], 10, unicode=False) == "xx"


@pytest.mark.parametrize("value", [0.0, 2.0, -3.0, 1e300])
def test_a_constant_curve_is_flat_in_the_middle(value):
    assert set(sparkline([value] * 5, 10)) == {"▅"}


def test_noise_of_a_curve_that_stands_still_is_not_drawn_as_oscillation():
    assert set(sparkline([100.0, 100.4, 99.9, 100.2], 10)) == {"▅"}
    assert sparkline([100.0, 95.0], 10) == "█▁"


def test_more_than_two_decades_are_drawn_on_a_logarithmic_scale():
    decades = [1e4, 1e2, 1.0]
    assert sparkline(decades, 3) == "█▅▁"
    assert sparkline(decades, 3, log=False) == "█▁▁"


def test_a_logarithmic_scale_breaks_at_zero():
    assert sparkline([100.0, 0.0, 1.0], 3, log=True) == "█×▁"


EXTREMES = [0.0, 5e-324, -5e-324, 1e-320, 2.3e-308, 1e-12, 1.0, -1.0, 1e12, 1.7e308, -1.7e308]


def some_float(rng):
    """One that any bits give, a special one, or one near to another."""
    (any_bits,) = struct.unpack("d", rng.randbytes(8))
    near = rng.choice(EXTREMES) * (1 + rng.randrange(3) * sys.float_info.epsilon)
    value = rng.choice([any_bits, near, rng.choice(EXTREMES), rng.uniform(-1, 1)])
    return value if math.isfinite(value) else 0.0


@pytest.mark.parametrize("seed", range(10))
def test_every_sequence_of_finite_losses_has_its_bars(seed):
    rng = random.Random(seed)
    for _ in range(1000):
        values = [some_float(rng) for _ in range(rng.randrange(1, 30))]
        width = rng.randrange(1, 40)
        for log in (None, False, True):
            bars = sparkline(values, width, log=log)
            assert len(bars) == min(len(values), width)
            assert ("×" in bars) <= bool(log)
        if len(values) <= width and not log_suits(values):
            order = sorted(range(len(values)), key=values.__getitem__)
            drawn = sparkline(values, width)
            assert [drawn[i] for i in order] == sorted(drawn)


def test_the_smallest_differences_are_no_division_by_zero():
    assert sparkline([5e-324, 0.0], 2) == "█▁"


def test_huge_losses_do_not_overflow():
    assert sparkline([1e308, -1e308], 2) == "█▁"


@pytest.mark.parametrize(
    ("values", "suits"),
    [
        ([1000.0, 1.0], True),
        ([1000.0, math.nan, 1.0], True),
        ([100.0, 1.0], False),
        ([1000.0, 0.0], False),
        ([1000.0, -1.0], False),
        ([], False),
        ([math.nan], False),
    ],
)
def test_log_suits(values, suits):
    assert log_suits(values) is suits


@pytest.mark.parametrize(
    ("encoding", "shown"), [("utf-8", True), ("ascii", False), ("latin-1", False), ("none", False)]
)
def test_a_stream_can_show_blocks_by_its_encoding(encoding, shown):
    stream = types.SimpleNamespace(encoding=encoding)
    assert can_show(stream) is shown


def test_a_stream_without_an_encoding_shows_ascii():
    assert can_show(types.SimpleNamespace()) is False
    assert can_show(types.SimpleNamespace(encoding=None)) is False
