"""Checks of targets: their encoding, balance, scale and order, and rows that contradict others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from pytest_converge.core.data_limits import DataLimits
from pytest_converge.core.data_report import DataFinding, GroupProfile, TargetProfile
from pytest_converge.core.numbers import number, share
from pytest_converge.features.checks.columns import finding

__all__ = [
    "classes_are_balanced",
    "labels_are_encoded",
    "rows_agree",
    "rows_are_mixed",
    "targets_are_finite",
    "targets_vary",
]

#: One-hot rows whose sum is another count from this share on.
OFF_ROWS = 1e-4
#: How far the sum of a one-hot row may be from 1: float16.
SUM_ERROR = 5e-3
#: Rows are sorted where the class changes less than this often, relative to random order. A batch
#: of 32 rows then holds a fraction of the classes.
FEW_CHANGES, FEWEST_ROWS = 0.25, 40
#: Rising (or falling) steps between neighbours: 1/2 in random order, 1 in sorted data.
SORTED_SHARE = 0.98
#: A label counts, where labels are missing below it, from this share of the rows on.
SETTLED = 0.01
#: Classes that random labels leave out, on average, where a gap tells nothing.
BY_CHANCE = 0.01
#: So many times as many contradictions as equal rows are to be expected by chance.
TIMES_CHANCE = 3.0
#: Kinds of columns so rich that equal rows are no chance; so many tokens are as rich.
RICH, RICH_TOKENS = frozenset({"continuous", "pixels", "cyclic"}), 8


def targets_are_finite(target: TargetProfile) -> DataFinding | None:
    """No target is missing or infinite."""
    bad = [c for c in target.columns if c.missing or c.infinite or c.overflow]
    if not bad:
        return None
    missing, infinite = sum(c.missing for c in bad), sum(c.infinite for c in bad)
    message = f"{missing} missing and {infinite} infinite in the targets {bad[0].name}"
    return finding(
        "nonfinite-data", message, target.columns[:1], missing=missing, infinite=infinite
    )


def labels_are_encoded(target: TargetProfile, limits: DataLimits) -> DataFinding | None:
    """Classes are numbered 0, 1, 2, ... as whole numbers, or one-hot rows add up to 1."""
    if target.task == "one-hot":
        return _one_hot_adds_up(target)
    if target.task != "classes" or not target.columns:
        return None
    column = target.columns[0]
    labels = [label for label, _ in target.classes]
    first = ", ".join(labels[:4]) + (", ..." if len(labels) > 4 else "")
    why = ""
    if column.dtype.startswith(("int", "uint", "float")):
        why = _numbers_wrong(target, first, is_float=column.dtype.startswith("float"))
    elif column.kind in {"text", "categorical", "dates"} and column.dtype.startswith(
        ("object", "category", "str", "<U", "|S")
    ):
        why = f"the labels are text ({first}), no numbers"
    return finding("label-encoding", why, target.columns[:1], classes=len(labels)) if why else None


def targets_vary(target: TargetProfile) -> DataFinding | None:
    """There is more than one target to learn."""
    if target.task == "values":
        constant = bool(target.columns) and all(c.kind == "constant" for c in target.columns)
    elif target.classes:
        constant = sum(rows > 0 for _, rows in target.classes) < 2
    else:
        constant = False
    if not constant:
        return None
    return finding("constant-target", "all rows have the same target", target.columns[:1])


def classes_are_balanced(target: TargetProfile, limits: DataLimits) -> DataFinding | None:
    """No class is far rarer than it would be if all were equally frequent."""
    rows = sum(count for _, count in target.classes)
    if len(target.classes) < 2 or not rows or abs(target.row_sum - 1.0) > SUM_ERROR:
        return None
    label, count = min(target.classes, key=lambda pair: pair[1])
    balance = count / rows * len(target.classes)
    if balance >= limits.min_balance:
        return None
    message = f"class {label} has {count} of {rows} rows ({share(count / rows)})"
    return finding("class-imbalance", message, target.columns[:1], rows=count, balance=balance)


def rows_are_mixed(target: TargetProfile) -> DataFinding | None:
    """The rows do not come class by class, nor by the size of the target."""
    rows = sum(count for _, count in target.classes) or target.rows
    if rows < FEWEST_ROWS:
        return None
    if target.classes and target.expected_changes >= 1.0:
        if target.changes / target.expected_changes < FEW_CHANGES:
            message = (
                f"the class changes {target.changes} times from row to row, "
                f"{number(target.expected_changes)} times in random order"
            )
            return finding("unshuffled-data", message, target.columns[:1], changes=target.changes)
    elif target.task == "values" and target.sorted_share >= SORTED_SHARE:
        message = f"{share(target.sorted_share)} of the rows follow in order of the target"
        return finding(
            "unshuffled-data", message, target.columns[:1], sorted_share=target.sorted_share
        )
    return None


def rows_agree(
    target: TargetProfile, groups: Sequence[GroupProfile], limits: DataLimits
) -> DataFinding | None:
    """Rows with the same features have the same target, where equal rows are no chance."""
    rows = target.rows
    columns = [column for group in groups for column in group.columns]
    tokens = sum(column.kind == "tokens" for column in columns)
    has_pixels = any(column.kind == "pixels" for column in columns)
    rich = any(column.kind in RICH for column in columns) or tokens >= RICH_TOKENS
    # Rows that hold the most frequent value of every column are alike by chance.
    chance = 0.0 if has_pixels else math.prod(column.common_share for column in columns)
    if not rich or target.conflicts <= max(limits.max_conflicts, TIMES_CHANCE * chance) * rows:
        return None
    message = (
        f"{target.conflicts} of {rows} rows ({share(target.conflicts / rows)}) have the "
        "features of another row and another target"
    )
    evidence = {"conflicts": target.conflicts, "repeated": target.repeated}
    return finding("contradictory-labels", message, target.columns[:1], **evidence)


def _one_hot_adds_up(target: TargetProfile) -> DataFinding | None:
    rows = target.rows
    if abs(target.row_sum - 1.0) > SUM_ERROR:
        message = f"the rows of the targets add up to {number(target.row_sum)}, not to 1"
    elif target.off_rows > OFF_ROWS * rows:
        message = f"{target.off_rows} of {rows} one-hot rows do not add up to 1"
    else:
        return None
    evidence = {"off_rows": target.off_rows, "row_sum": target.row_sum}
    return finding("label-encoding", message, target.columns[:1], **evidence)


def _numbers_wrong(target: TargetProfile, first: str, *, is_float: bool) -> str:
    values = [(float(label), rows) for label, rows in target.classes]
    if len(values) < 2:
        return ""
    if any(value != round(value) for value, _ in values):
        return f"{len(values)} classes, but the labels are no whole numbers ({first})"
    low = values[0][0]
    if low != 0.0 and [value for value, _ in values] != [-1.0, 1.0]:  # which a hinge loss takes
        return f"the labels start at {low:g} ({first}), not at 0"
    gap = _gap(values) if low == 0.0 else None
    if gap is not None:
        return f"the labels leave out {gap:g} ({first})"
    return f"{len(values)} classes as floats ({first})" if is_float and len(values) > 2 else ""


def _gap(values: Sequence[tuple[float, int]]) -> float | None:
    """The first number that no row has, below a label that many have."""
    total = sum(rows for _, rows in values)
    if len(values) * math.exp(-total / len(values)) > BY_CHANCE:
        return None
    for (before, _), (after, rows) in itertools.pairwise(values):
        if after - before > 1.0 and rows >= SETTLED * total:
            return before + 1.0
    return None
