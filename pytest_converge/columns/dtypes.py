"""Whether a column has the type that its values want, and what columns without numbers hold."""

from __future__ import annotations

import numbers
import re
from typing import Any

import numpy as np

from pytest_converge.columns.frames import Part
from pytest_converge.columns.sample import ColumnSample
from pytest_converge.core.data_report import ColumnProfile

__all__ = ["is_missing", "other_column", "wrong_number"]

#: Text is numbers where so many of its values read as such; the others are marks for "unknown".
NUMBERS_FROM = 0.9
#: float32 holds every whole number up to here, and beyond it only every second, fourth, ...
WHOLE_IN_FLOAT32 = 2.0**24
#: Different whole numbers of which float32 makes one count as lost from this share on.
LOST_SHARE = 0.01
#: Rows of text that are looked at.
MOST_TEXTS = 8192
#: Codes such as postcodes: digits only, all equally many, so many or more.
CODE_DIGITS = 4

_NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][-+]?\d+)?")


def other_column(part: Part, index: int) -> ColumnProfile:
    """A column of text, dates, objects or complex numbers."""
    array, column = part.array, part.column(index)
    kind, wrong = "text", ""
    missing = is_missing(column)
    if array.dtype.kind in "Mm":
        kind, wrong = "dates", f"dates ({array.dtype})"
    elif array.dtype.kind == "c":
        wrong = "complex numbers"
    elif not part.categories:
        wrong = _wrong_objects(column[~missing][:MOST_TEXTS])
    count = int(missing.sum())
    kind = "empty" if count == len(column) else "categorical" if part.categories else kind
    shown = "category" if part.categories else str(array.dtype)
    return ColumnProfile(
        name=part.labels[index],
        dtype=shown,
        kind=kind,
        values=len(column),
        missing=count,
        distinct=_distinct(column[~missing][:MOST_TEXTS]),
        wrong=wrong,
    )


def wrong_number(profile: ColumnProfile, seen: ColumnSample) -> str:
    """What is wrong with a column of numbers: whole ones that float32 cannot tell apart."""
    if profile.kind in {"constant", "empty", "pixels"} or not seen.whole:
        return ""
    if max(-profile.low, profile.high) <= WHOLE_IN_FLOAT32:
        return ""
    exact = np.unique(seen.exact[np.isfinite(seen.values)])
    with np.errstate(over="ignore"):
        left = len(np.unique(exact.astype(np.float32)))
    if left > (1.0 - LOST_SHARE) * len(exact):
        return ""
    return f"whole numbers beyond 2**24: float32 tells {left} of {len(exact)} apart"


def is_missing(column: Any) -> Any:
    """True where a value is None, NaN, NaT or NA: what is not equal to itself."""
    if column.dtype.kind in "Mm":
        return np.isnat(column)
    if column.dtype.kind != "O":
        return np.array(column != column)  # noqa: PLR0124 - NaN is not
    return np.array([_is_nothing(value) for value in column], dtype=bool)


def _is_nothing(value: Any) -> bool:
    if value is None or isinstance(value, (str, bytes)):
        return value is None
    try:
        return not bool(value == value)  # noqa: PLR0124 - NaN is not
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


def _distinct(values: Any) -> int:
    try:
        return len(set(values.tolist()))
    except TypeError:  # lists and dicts
        return len(values)


def _wrong_objects(values: Any) -> str:
    """What is wrong with objects: numbers among them, or text that reads as numbers."""
    texts = [_text(value) for value in values if isinstance(value, (str, bytes))]
    counted = sum(isinstance(value, numbers.Number) for value in values)
    if counted:
        mixed = f"numbers and text mixed ({len(texts)} of {len(values)} are text)"
        return mixed if texts else "numbers kept as Python objects"
    if not texts:
        return f"objects of the type {type(values[0]).__name__}" if len(values) else ""
    return "" if _are_postcodes(texts) else _written_numbers(texts)


def _written_numbers(texts: list[str]) -> str:
    readable = sum(bool(text) and _NUMBER.fullmatch(text) is not None for text in texts)
    if readable < NUMBERS_FROM * len(texts):
        return ""
    others = next((text for text in texts if not text or _NUMBER.fullmatch(text) is None), None)
    return "numbers written as text" + ("" if others is None else f", beside {others!r}")


def _text(value: str | bytes) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else value).strip()


def _are_postcodes(texts: list[str]) -> bool:
    """True for digits of one length that are a code: five or more, or four that are no years."""
    lengths = {len(text) for text in texts}
    if len(lengths) > 1 or not all(text.isdigit() for text in texts):
        return False
    length = lengths.pop()
    years = length == CODE_DIGITS and all("1800" <= text < "2100" for text in texts)
    return length >= CODE_DIGITS and not years
