"""Numbers read well and keep their width."""

from __future__ import annotations

import math

import pytest

from pytest_converge.core import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1, "1.000"),
        (0.431, "0.4310"),
        (0.0123456, "0.01235"),
        (0.001, "0.001000"),
        (-0.0012345, "-0.001234"),
        (0.000999, "0.0009990"),
        (0.00099996, "0.001000"),
        (0.99996, "1.000"),
        (0.99994, "0.9999"),
        (2.30258, "2.303"),
        (12.344, "12.34"),
        (999.96, "1000"),
        (12345.6, "12346"),
        (99994.9, "99995"),
        (99999.4, "1.000e5"),
        (-8.0612, "-8.061"),
        (1e5, "1.000e5"),
        (1.234e-10, "1.234e-10"),
        (-1.234e-10, "-1.23e-10"),
        (-1.234e-120, "-1.2e-120"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_loss(value, text):
    assert numbers.loss(value) == text


def test_loss_is_never_wider_than_tables_reserve():
    sizes = [m * 10.0**e for e in range(-300, 300, 7) for m in (1.0, 3.14159, 9.99999)]
    assert max(len(numbers.loss(sign * size)) for size in sizes for sign in (1, -1)) == 9


@pytest.mark.parametrize("value", [1.2345e-7, 0.00123, 0.0456, 0.789, 3.456, 98765.0, 4.4e12])
def test_loss_keeps_four_digits(value):
    assert float(numbers.loss(value)) == pytest.approx(value, rel=5e-4)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (0.10000000149, "0.1"),
        (1e-5, "1e-5"),
        (20000.0, "20000"),
        (0.0, "0"),
        (-0.0, "0"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_short(value, text):
    assert numbers.number(value) == text


def test_short_with_more_digits_tells_close_values_apart():
    assert numbers.number(0.100004, 6) == "0.100004"


@pytest.mark.parametrize(
    ("value", "bound", "text"),
    [
        (0.431, 0.1, "0.4310"),
        (0.10000001, 0.1, "0.10000001"),
        (0.1, 0.1, "0.1"),
        (-1.234e-300, -1.2e-300, "-1.234e-300"),
    ],
)
def test_a_number_beyond_a_bound_never_reads_as_if_it_met_it(value, bound, text):
    assert numbers.beyond(value, bound) == text


def test_a_number_beyond_a_bound_in_other_words():
    assert numbers.beyond(0.431, 0.5, numbers.number) == "0.431"


@pytest.mark.parametrize("decade", range(-8, 9))
@pytest.mark.parametrize("mantissa", [1.234, 9.9996, 4.3, -6.116])
def test_the_same_number_reads_the_same_but_for_zeros(decade, mantissa):
    value = mantissa * 10.0**decade
    plain = numbers.loss(value)
    if abs(value) < 1e5 and len(plain) < numbers.LOSS_WIDTH:
        assert float(plain) == float(numbers.number(value))
        assert ("e" in plain) == ("e" in numbers.number(value))


def test_counted():
    assert numbers.counted(1, "step") == "1 step"
    assert [numbers.counted(n, "step") for n in (0, 2)] == ["0 steps", "2 steps"]


def test_change_is_one_number_where_both_read_the_same():
    assert numbers.change("0.1", "0.1") == "0.1"
    assert numbers.change("0.1", "0.2") == "0.1 -> 0.2"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.05, "5 %"),
        (0.025, "2.5 %"),
        (0.0996, "10 %"),
        (0.5234, "52 %"),
        (1.0, "100 %"),
        (-0.5, "-50 %"),
        (1000.0, "1e5 %"),
        (0.99996, "99.99 %"),
        (0.0003, "0.03 %"),
        (0.0, "0 %"),
        (math.nan, "nan %"),
    ],
)
def test_percent(share, text):
    assert numbers.share(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 s"),
        (0.004, "0 s"),
        (0.005, "0.01 s"),
        (0.04, "0.04 s"),
        (0.095, "0.1 s"),
        (0.4, "0.4 s"),
        (9.94, "9.9 s"),
        (9.95, "10 s"),
        (12.3, "12 s"),
        (59.5, "1 min"),
        (200.0, "3 min 20 s"),
        (3599.7, "1 h"),
        (7500.0, "2 h 5 min"),
        (math.nan, "nan s"),
    ],
)
def test_seconds(value, text):
    assert numbers.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.100001, "0.100001"),
        (0.1000001, "0.1"),
        (math.nan, "nan"),
        (7, "7"),
        ("x", "x"),
        (None, "None"),
    ],
)
def test_exact_shows_six_digits_of_a_float_and_all_else_as_it_is(value, text):
    assert numbers.exact(value) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.1, "0.1"), (1e-5, "1e-5"), (0.00123, "0.00123"), (1000, "1000"), (2.5e6, "2.5e6")],
)
def test_rates_are_written_as_people_write_them(rate, text):
    assert numbers.rate(rate) == text


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (1.0, "1.0x"),
        (1.37, "1.4x"),
        (9.96, "10x"),
        (29.4, "29x"),
        (184.0, "180x"),
        (math.inf, "not finite"),
    ],
)
def test_factors_have_two_digits(factor, text):
    assert numbers.factor(factor) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b", "c"), "a, b, c"),
        (("a", "b", "c", "d"), "a, b, c and 1 more"),
        (("a", "b", "c", "d", "e"), "a, b, c and 2 more"),
    ],
)
def test_many_names_are_counted(names, text):
    assert numbers.listed(names) == text
