"""Whether a training is the one that was recorded: its settings, and the rows that it sees."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pytest_converge.core.baseline import EnvironmentChange, Value

__all__ = ["data_changes", "differences", "setting_changes", "unknown", "why_not_judged"]

Facts = Mapping[str, Value]

#: What the losses are measured in.
UNITS = ("loss", "reduction")
#: What is told of data by a number that says nothing to a reader.
CODES = frozenset({"digest", "link", "order", "seen"})
#: Rounding that moves data between machines, relative to their spread: float32 gives 1e-7 a value,
#: and six digits are recorded. Another row among 1,000 moves the mean of 10 columns by 1e-4.
ROUNDING = 1e-5


def differences(recorded: Facts, present: Facts) -> tuple[EnvironmentChange, ...]:
    """What is not the same, or is known on one side alone, by name."""
    return tuple(
        _change(name, recorded, present)
        for name in sorted({*recorded, *present})
        if recorded.get(name) != present.get(name)
    )


def setting_changes(
    recorded: Facts, present: Facts, recorded_data: Facts, data: Facts
) -> tuple[EnvironmentChange, ...]:
    """What makes a comparison meaningless; what one side does not know is no change.

    Args:
        recorded: the settings of the baseline.
        present: those of the training.
        recorded_data: what identifies the rows of the baseline.
        data: what identifies those of the training.
    """
    rows = data.get("rows")
    found = [
        _change(name, recorded, present)
        for name in sorted(recorded.keys() & present.keys())
        if recorded[name] != present[name]
        and not (name == "batch_size" and _alike(recorded[name], present[name], rows))
    ]
    if {"order"} <= recorded_data.keys() & data.keys() and recorded_data["order"] != data["order"]:
        found.append(_change("order", recorded_data, data))
    return tuple(found)


def why_not_judged(changes: tuple[EnvironmentChange, ...]) -> str:
    """Why runs before and after such changes cannot be compared."""
    names = {change.name for change in changes}
    if names & set(UNITS):
        return "the losses are in other units"
    if names == {"order"}:
        return "the source gives other batches in every session, and all starts share them"
    return "it is another task"


def data_changes(recorded: Facts, present: Facts) -> tuple[EnvironmentChange, ...]:
    """How the rows differ from those of the baseline, as far as both are known."""
    if not _comparable(recorded, present) or recorded["digest"] == present["digest"]:
        return ()
    names = sorted((recorded.keys() | present.keys()) - {"digest", "order"})
    differ = [name for name in names if not _close(name, recorded, present)]
    if not differ:
        return ()  # the same rows, rounded otherwise
    told = [_change(name, recorded, present) for name in differ if name not in CODES]
    return tuple(told) or (_change("digest", recorded, present),)


def unknown(recorded: Facts, present: Facts, recorded_data: Facts, data: Facts) -> tuple[str, ...]:
    """What only the training tells, so that nobody knows whether it was the same."""
    names = sorted(present.keys() - recorded.keys())
    if data and not _comparable(recorded_data, data):
        names.append("data")
    return tuple(names)


def _change(name: str, recorded: Facts, present: Facts) -> EnvironmentChange:
    return EnvironmentChange(name=name, recorded=recorded.get(name), present=present.get(name))


def _alike(recorded: Value, present: Value, rows: Value) -> bool:
    """Whether two sizes of a batch cut the same number of rows in the same way."""
    sizes = [value for value in (recorded, present, rows) if isinstance(value, int)]
    return len(sizes) == 3 and min(sizes[0], sizes[2]) == min(sizes[1], sizes[2])


def _comparable(recorded: Facts, present: Facts) -> bool:
    """True where equally much is known of the rows of both."""
    known = "digest" in recorded and "digest" in present
    return known and recorded.get("seen") == present.get("seen")


def _close(name: str, recorded: Facts, present: Facts) -> bool:
    first, second = recorded.get(name), present.get(name)
    if first == second:
        return True
    if not isinstance(first, float) or not isinstance(second, float):
        return False
    scale = max(abs(first), abs(second), _scale(name, recorded), _scale(name, present))
    return math.isfinite(scale) and abs(first - second) <= ROUNDING * scale


def _scale(name: str, facts: Facts) -> float:
    """The spread that a difference of a fact is measured against."""
    if name == "link":
        return math.prod(_spread(group, facts) for group in "xyw" if f"{group}_mean" in facts)
    return _spread(name[0], facts)


def _spread(group: str, facts: Facts) -> float:
    parts = (facts.get(f"{group}_{name}") for name in ("mean", "deviation"))
    return sum(abs(part) for part in parts if isinstance(part, (int, float)))
