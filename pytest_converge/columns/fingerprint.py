"""Which rows a data set holds, in a few numbers: the same for any order and any kind of array.

A row is one 64-bit number made of all its values, and a data set is the sum of its rows. Beside it
stand what a reader can judge: shapes, means and deviations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.moments import BLOCK_VALUES

__all__ = ["Fingerprint", "row_numbers"]

Array = np.ndarray[Any, Any]

#: Constants of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
#: generators", OOPSLA 2014), whose last steps spread every bit over all others.
GAMMA, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
#: What a reader takes in at once.
DIGITS = 6


class Fingerprint:
    """Collects the rows of a data set, batch by batch.

    Args:
        names: of the groups of arrays that make up a row, as "x", "y" and "w".
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._rows = 0
        self._sum = np.uint64(0)
        self._shapes: dict[str, str] = {}
        self._counts = dict.fromkeys(names, 0)
        self._sums = {name: np.zeros(2) for name in names}
        self._shift: dict[str, float] = {}
        self._links = 0.0

    def add(self, groups: Mapping[str, Sequence[Array]]) -> None:
        """Takes the rows of a batch.

        Args:
            groups: the arrays of each group, in a fixed order, with the rows first.
        """
        arrays = [array for name in self._names for array in groups.get(name, ())]
        rows = len(arrays[0])
        width = sum(int(np.prod(array.shape[1:])) for array in arrays)
        step = max(1, BLOCK_VALUES // max(width, 1))
        for start in range(0, rows, step):
            chosen = slice(start, start + step)
            self._add({n: [a[chosen] for a in part] for n, part in groups.items()})

    def facts(self) -> dict[str, float | int | str]:
        """What there is to record: digest, rows, and shape and moments of each group."""
        found: dict[str, float | int | str] = {"digest": f"{int(self._sum):016x}"}
        found["rows"] = self._rows
        found["link"] = _rounded(self._links / max(self._rows, 1))
        for name in self._names:
            if name not in self._shapes:
                continue
            found[f"{name}_shape"] = self._shapes[name]
            count = self._counts[name]
            if count:
                first, second = self._sums[name] / count
                found[f"{name}_mean"] = _rounded(self._shift[name] + first)
                found[f"{name}_deviation"] = _rounded(max(second - first**2, 0.0) ** 0.5)
        return found

    def _add(self, groups: Mapping[str, Sequence[Array]]) -> None:
        arrays = [array for name in self._names for array in groups.get(name, ())]
        self._rows += len(arrays[0])
        with np.errstate(over="ignore"):
            self._sum += row_numbers(arrays).sum(dtype=np.uint64)
        link = np.ones(len(arrays[0]))
        for name in self._names:
            part = groups.get(name, ())
            if not part:
                continue
            self._shapes.setdefault(name, ", ".join(_shape(array) for array in part))
            values = [_numbers(array) for array in part]
            for array in values:
                finite = array[np.isfinite(array)]
                shift = self._shift.setdefault(name, float(finite[0]) if finite.size else 0.0)
                self._counts[name] += finite.size
                self._sums[name] += (finite - shift).sum(), ((finite - shift) ** 2).sum()
            link *= _direction(values)
        self._links += float(link.sum())


def row_numbers(arrays: Iterable[Array]) -> Array:
    """One 64-bit number a row, equal where all values are, whatever type holds them.

    Floats count as float32, which is what a network sees; NaN is the same as NaN and 0 as -0.

    Args:
        arrays: with the rows first.
    """
    total, place = np.uint64(0), 0
    with np.errstate(over="ignore"):
        for array in arrays:
            values = _numbers(array).view(np.uint64)
            places = np.arange(place, place + values.shape[1], dtype=np.uint64) * np.uint64(GAMMA)
            place += values.shape[1]
            mixed = _mixed(values + places + np.uint64(GAMMA))
            total = total + mixed.sum(axis=1, dtype=np.uint64)
        return _mixed(np.asarray(total, dtype=np.uint64))


def _mixed(values: Array) -> Array:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(FIRST)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(SECOND)
    mixed: Array = values ^ (values >> np.uint64(31))
    return mixed


def _numbers(array: Array) -> Array:
    """Values as float64 of shape [rows, values]; a text as a number of its own."""
    flat = array.reshape(len(array), -1)
    if flat.dtype.kind == "f":
        with np.errstate(over="ignore"):
            numbers = flat.astype(np.float32).astype(np.float64)
        numbers[np.isnan(numbers)] = np.nan
        numbers += 0.0
        return numbers
    if flat.dtype.kind in "biu":
        return flat.astype(np.float64)
    if flat.dtype.kind == "c":
        return _numbers(np.stack([flat.real, flat.imag], axis=-1))
    try:
        held = np.asarray(flat, dtype=str)
    except ValueError:  # of lists
        held = np.array([str(value) for value in flat.flat]).reshape(flat.shape)
    texts, inverse = np.unique(held, return_inverse=True)
    codes = np.array([_of_text(text) for text in texts.tolist()])
    return codes[inverse].reshape(flat.shape)


def _of_text(text: str) -> float:
    """A number below 2**48 that stands for a text."""
    return float(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big"))


def _direction(arrays: Sequence[Array]) -> Array:
    """Each row along a direction of pluses and minuses, the same for every data set."""
    found, place = np.zeros(len(arrays[0])), 1
    for array in arrays:
        with np.errstate(over="ignore"):
            codes = np.arange(place, place + array.shape[1], dtype=np.uint64) * np.uint64(GAMMA)
            signs = np.where(_mixed(codes) >> np.uint64(63), 1.0, -1.0)
        place += array.shape[1]
        found += np.where(np.isfinite(array), array, 0.0) @ signs / array.shape[1] ** 0.5
    return found


def _shape(array: Array) -> str:
    """The shape of a row: `13`, `28x28x1`; a single number as the column that it is."""
    return "x".join(map(str, array.shape[1:])) or "1"


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
