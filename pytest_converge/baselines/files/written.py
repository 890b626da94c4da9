"""How single values are written in a baseline's file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_converge.baselines.gate.scores import DIGITS
from pytest_converge.core.errors import invalid, shown

__all__ = ["NONFINITE", "facts", "number", "numbers"]

#: How numbers are spelled that JSON has no literal for.
NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def number(value: float, digits: int = DIGITS) -> float | str:
    """A number with so many significant digits; the name of one that is not finite."""
    # The largest floats have no rounded ones.
    rounded = float(f"{value:.{digits}g}")
    if math.isfinite(rounded):
        return rounded
    return next(name for name, same in NONFINITE.items() if repr(same) == repr(rounded))


def numbers(values: Iterable[float]) -> list[float | str]:
    """Each of them; see `number`."""
    return [number(value) for value in values]


def facts(given: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values by their sorted names.

    Raises:
        InvalidTrainingError: one is a number that is not finite.
    """
    for name, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            text, remedy = f"{name}={shown(value)}", "A baseline keeps no other."
            raise invalid(text, "a finite number", remedy)
    return {
        name: number(value) if isinstance(value, float) else value
        for name, value in sorted(given.items())
    }
