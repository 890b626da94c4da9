"""From a call of `preprocessing.check` or `.fit_once` to its report: reads, measures, judges."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_converge.core.data_limits import DataLimits
from pytest_converge.core.data_report import ColumnProfile, DataReport
from pytest_converge.core.errors import InvalidTrainingError, complaint, nearest
from pytest_converge.core.finding import check_codes
from pytest_converge.core.overlap import RowOverlap
from pytest_converge.core.pipeline_report import PipelineReport
from pytest_converge.features.checks.all_checks import judge_data
from pytest_converge.features.checks.pipelines import PIPELINE_CODES, judge_trials

if TYPE_CHECKING:
    from pytest_converge.columns.frames import Part

__all__ = ["check_data", "check_pipeline"]

#: Columns kept in a report; of more, those with findings and the first ones.
MOST_COLUMNS = 200


def check_data(
    data: Any,
    targets: Any = None,
    *,
    held_out: Any = None,
    names: Sequence[str] | None = None,
    limits: DataLimits | None = None,
    test: str = "",
    number: int = 1,
) -> DataReport:
    """Measures and judges data without training, and without loading TensorFlow.

    Takes the arguments of `preprocessing.check`, the id of the test and the number of the study.

    Raises:
        InvalidTrainingError: the data cannot be read, targets and data differ in rows, or
            held-out rows have other columns.
    """
    from pytest_converge.columns.frames import is_dataset, read_dataset, read_parts
    from pytest_converge.columns.profile import profile_groups
    from pytest_converge.columns.targets import profile_targets

    limits = DataLimits() if limits is None else limits
    start = time.perf_counter()
    if is_dataset(data):
        data, own = read_dataset(data)
        targets = own if targets is None else targets
    parts = read_parts(data, "x", names)
    groups = profile_groups(parts, limits.kinds)
    columns = [column for group in groups for column in group.columns]
    _check_names(limits, [column.name for column in columns])
    target = None
    if targets is not None:
        wanted = read_parts(targets, "y")
        if len(wanted[0]) != len(parts[0]):
            given = f"{len(parts[0])} rows and {len(wanted[0])} targets"
            remedy = "Check how they were cut."
            raise InvalidTrainingError(complaint(given, "a target for each row", remedy))
        target = profile_targets(wanted, parts, limits.task)
    overlap = None if held_out is None else _overlap(parts, held_out, names)
    findings = judge_data(groups, target, limits, overlap)
    concerned = {name for finding in findings for name in finding.columns}
    shown = _kept([*columns, *(target.columns if target else ())], concerned)
    return DataReport(
        test=test,
        number=number,
        rows=len(parts[0]),
        width=len(columns),
        columns=tuple(shown),
        task=target.task if target else "",
        classes=target.classes[:MOST_COLUMNS] if target else (),
        findings=findings,
        seconds=time.perf_counter() - start,
    )


def check_pipeline(
    pipeline: Any,
    train: Any,
    other: Any,
    *,
    targets: Any = None,
    missing: bool | None = None,
    ignore: Sequence[str] = (),
    test: str = "",
    number: int = 1,
) -> PipelineReport:
    """Tries whether a pipeline learns from the training data alone and treats each row alike.

    Takes the arguments of `preprocessing.fit_once`, the id of the test and the number of the study.

    Raises:
        InvalidTrainingError: the pipeline or the data are nothing that can be tried.
    """
    from pytest_converge.columns.rows import count_rows, in_memory
    from pytest_converge.features.pipelines.adapters import pipeline_for
    from pytest_converge.features.pipelines.trial_run import prepare
    from pytest_converge.features.pipelines.trials import run_trials

    check_codes(ignore, PIPELINE_CODES)
    start = time.perf_counter()
    train, other = in_memory(train, "train"), in_memory(other, "other")
    subject = prepare(pipeline_for(pipeline), train, other, targets)
    trials = run_trials(subject, missing=missing)
    return PipelineReport(
        test=test,
        number=number,
        pipeline=subject.pipeline.name,
        rows=(count_rows(train), count_rows(other)),
        features=subject.base.names[:MOST_COLUMNS],
        trials=trials,
        findings=judge_trials(trials, ignore),
        seconds=time.perf_counter() - start,
    )


def _overlap(parts: Sequence[Part], held_out: Any, names: Sequence[str] | None) -> RowOverlap:
    """How many of the rows held out are among the others."""
    from pytest_converge.columns.frames import is_dataset, read_dataset, read_parts
    from pytest_converge.columns.overlap import numbers_of_parts, row_overlap

    if is_dataset(held_out):
        held_out, _ = read_dataset(held_out)
    others = {part.labels: part for part in read_parts(held_out, "x", names)}
    wanted = [part.labels for part in parts]
    if others.keys() != set(wanted):
        widths = [sum(map(len, labels)) for labels in (others, wanted)]
        given = f"held_out of {widths[0]} columns beside data of {widths[1]}"
        remedy = "Give both sets the same features: preprocessing.check(x, y, held_out=x_test)."
        raise InvalidTrainingError(complaint(given, "the same columns", remedy))
    return row_overlap(
        numbers_of_parts(parts), numbers_of_parts([others[labels] for labels in wanted])
    )


def _check_names(limits: DataLimits, names: list[str]) -> None:
    for name in limits.kinds:
        if name not in names:
            remedy = nearest(name, names[:MOST_COLUMNS])
            raise InvalidTrainingError(complaint(f"a kind for {name!r}", "a column", remedy))


def _kept(columns: list[ColumnProfile], concerned: set[str]) -> list[ColumnProfile]:
    if len(columns) <= MOST_COLUMNS:
        return columns
    first = [column for column in columns if column.name in concerned]
    rest = [column for column in columns if column.name not in concerned]
    return (first + rest)[:MOST_COLUMNS]
