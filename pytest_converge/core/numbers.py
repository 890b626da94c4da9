"""Numbers for people: enough digits to compare, few enough to read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

__all__ = [
    "beyond",
    "change",
    "counted",
    "exact",
    "factor",
    "listed",
    "loss",
    "number",
    "rate",
    "seconds",
    "share",
]

#: The decades that are written out: what Python's `g` does below, and five digits above, which
#: are easier to read than an exponent.
LEAST_FIXED, MOST_FIXED = -4, 4
#: The widest text `loss` returns, so that tables can reserve it.
LOSS_WIDTH = 9


def loss(value: float) -> str:
    """A loss or a norm with four significant digits, zeros kept, at most 9 wide.

    Apart from the zeros it reads as from `number`: `0.4310`, `0.0001234`, `12345`, `1.234e-5`.
    """
    if not math.isfinite(value):
        return _nonfinite(value)
    if value == 0:
        return "0"
    # Rounding may carry into the next decade, so the exponent is read after rounding.
    exponent = int(f"{value:.3e}".partition("e")[2])
    if LEAST_FIXED <= exponent <= MOST_FIXED:
        text = f"{value:.{max(0, 3 - exponent)}f}"
        if len(text) <= LOSS_WIDTH:
            return text
    texts = (_scientific(f"{value:.{decimals}e}") for decimals in (3, 2, 1))
    return next(text for text in texts if len(text) <= LOSS_WIDTH)


def number(value: float, digits: int = 4) -> str:
    """A number as somebody would type it, at most `digits` significant digits: `0.1`, `1e-5`."""
    if not math.isfinite(value):
        return _nonfinite(value)
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    # Who asks for fewer digits has no room for five.
    if digits >= 4 and "e" in text and 0 < int(text.partition("e")[2]) <= MOST_FIXED:
        return f"{value:.0f}"
    return _scientific(text)


def exact(value: float | int | str | None) -> str:
    """A value of some evidence, a float with six digits.

    More than elsewhere: a bound missed by a hair must not read as if it were met.
    """
    return number(value, 6) if isinstance(value, float) else str(value)


def beyond(value: float, bound: float, text: Callable[[float], str] = loss) -> str:
    """A number that missed a bound, with all of its digits where fewer read as if it were met.

    The bound itself is shown as what missed the number: it may have more digits too.
    """
    shown = text(value)
    return repr(value) if number(bound) in {number(value), shown} else shown


def counted(count: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Some names and how many more there are: `a, b and 2 more`."""
    shown, more = ", ".join(names[:most]), len(names) - most
    return f"{shown} and {more} more" if more > 0 else shown


def change(first: str, last: str) -> str:
    """Two formatted numbers as `first -> last`, or one where they read the same."""
    return first if first == last else f"{first} -> {last}"


def share(part: float) -> str:
    """A share, 1 being the whole, in percent: `12 %`, `2.5 %`, `0.03 %`, `99.6 %`.

    It never reads as nothing or as the whole where it is neither.
    """
    value = 100 * part
    if not math.isfinite(value):
        return f"{_nonfinite(value)} %"
    if 99 < value < 100:
        return f"{number(min(value, 99.99))} %"
    if 10 <= abs(value) < 1e5:
        return f"{value:.0f} %"
    return f"{number(value, 2)} %"


def seconds(value: float) -> str:
    """A duration in seconds as `0.04 s`, `0.4 s`, `12 s`, `3 min 20 s` or `2 h 5 min`."""
    if not math.isfinite(value):
        return f"{_nonfinite(value)} s"
    if value < 59.5:
        return f"{_under_a_minute(value)} s"
    whole = round(value)
    if whole < 3600:
        return _two(*divmod(whole, 60), "min", "s")
    return _two(*divmod(round(value / 60), 60), "h", "min")


def rate(value: float) -> str:
    """A learning rate with three significant digits, as people write it: `0.03`, `1e-5`, `1000`."""
    rounded = float(f"{value:.3g}")
    return _scientific(f"{rounded:g}")


def factor(value: float) -> str:
    """A factor with two significant digits: `1.0x`, `29x`, `180x`."""
    if not math.isfinite(value):
        return "not finite"
    return f"{value:.1f}x" if value < 9.95 else f"{float(f'{value:.2g}'):g}x"


def _under_a_minute(value: float) -> str:
    if value < 0.005:
        return "0"
    if value < 0.095:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def _nonfinite(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def _scientific(text: str) -> str:
    """Python's `1e-05` and `1.2e+06` without the padding: `1e-5`, `1.2e6`."""
    mantissa, letter, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if letter else text


def _two(large: int, small: int, large_unit: str, small_unit: str) -> str:
    return f"{large} {large_unit}" + (f" {small} {small_unit}" if small else "")
