"""All checks of data, in the order in which they are reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pytest_converge.core.data_limits import DATA_CODES, DataLimits
from pytest_converge.core.data_report import DataFinding, GroupProfile, TargetProfile
from pytest_converge.core.overlap import RowOverlap
from pytest_converge.features.checks import columns, scales, targets
from pytest_converge.features.checks.held_out import rows_are_apart

__all__ = ["judge_data"]

Check = Callable[[Sequence[GroupProfile], DataLimits], DataFinding | None]

FEATURES: tuple[Check, ...] = (
    columns.columns_are_finite,
    columns.types_fit,
    columns.columns_vary,
    columns.columns_vary_enough,
    columns.columns_differ,
    scales.images_in_range,
    scales.features_are_scaled,
    columns.no_outliers,
)


def judge_data(
    groups: Sequence[GroupProfile],
    target: TargetProfile | None,
    limits: DataLimits,
    overlap: RowOverlap | None = None,
) -> tuple[DataFinding, ...]:
    """What is wrong with features and targets, apart from what is ignored.

    Args:
        groups: the features.
        target: the targets, if any.
        limits: what they are held to.
        overlap: with the rows that are held out, if any.
    """
    found = [check(groups, limits) for check in FEATURES]
    if target is not None:
        found += _of_target(target, groups, limits)
    if overlap is not None:
        found.append(rows_are_apart(overlap))
    kept = [finding for finding in found if finding is not None]
    kept.sort(key=lambda finding: DATA_CODES.index(finding.code))
    return tuple(finding for finding in kept if finding.code not in limits.ignore)


def _of_target(
    target: TargetProfile, groups: Sequence[GroupProfile], limits: DataLimits
) -> Iterator[DataFinding | None]:
    yield targets.targets_are_finite(target)
    yield targets.labels_are_encoded(target, limits)
    yield targets.targets_vary(target)
    yield targets.classes_are_balanced(target, limits)
    yield scales.targets_are_scaled(target, limits)
    yield targets.rows_agree(target, groups, limits)
    yield targets.rows_are_mixed(target)
