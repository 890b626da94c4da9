"""From what was tried with a pipeline to findings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_converge.core.data_report import DataFinding
from pytest_converge.core.numbers import listed, number
from pytest_converge.core.pipeline_report import FITTED, Difference, PipelineTrial

__all__ = ["PIPELINE_CODES", "judge_trials"]

#: Codes of what `preprocessing.fit_once` finds, in the order in which they are tried.
PIPELINE_CODES = (
    "second-fit",
    "random-output",
    "order-dependent",
    "batch-statistics",
    "target-leak",
    "unseen-values",
    "missing-values",
    "mode-mismatch",
    "reload-differs",
)
#: What a failed trial means, in words that the columns follow.
MEANS = {
    "second-fit": "other rows change the features of the same rows",
    "random-output": "the same rows give other features each time",
    "order-dependent": "the features depend on the order of the rows",
    "batch-statistics": "the features depend on the rows beside them",
    "target-leak": "the features tell the target of their own row",
    "unseen-values": "a value never seen has no defined result",
    "missing-values": "a missing value has no defined result",
    "mode-mismatch": "training and inference mode give other features",
    "reload-differs": "saved and loaded it gives other features",
}


def judge_trials(
    trials: Sequence[PipelineTrial], ignore: Sequence[str] = ()
) -> tuple[DataFinding, ...]:
    """A finding for each code of which a trial failed, in order."""
    found = []
    for code in PIPELINE_CODES:
        failed = [trial for trial in trials if trial.code == code and trial.failed]
        if failed and code not in ignore:
            found.append(_finding(code, failed))
    return tuple(found)


def _finding(code: str, failed: Sequence[PipelineTrial]) -> DataFinding:
    trial = failed[0]
    shown = trial.difference or Difference()
    columns = tuple(dict.fromkeys(name for t in failed for name in _columns(t)))
    where = f" in {listed(columns)}" if columns else ""
    means = MEANS[code]
    if code == "second-fit" and trial.what == FITTED:
        means = "the statistics are not those of the training rows alone"
    return DataFinding(
        code=code,
        message=f"{means}{where}: {_how_much(shown)}" if _how_much(shown) else f"{means}{where}",
        columns=columns,
        evidence={
            "largest": shown.largest,
            "rows": shown.rows,
            "compared": shown.compared,
            "problem": shown.problem or None,
        },
    )


def _columns(trial: PipelineTrial) -> tuple[str, ...]:
    """The input columns that were changed, else the features that differ."""
    if trial.columns:
        return trial.columns
    return trial.difference.columns if trial.difference is not None else ()


def _how_much(found: Difference) -> str:
    if found.problem:
        return found.problem
    rows = f"{found.rows} of {found.compared} rows"
    if math.isnan(found.largest):
        return f"no number in {rows}"
    return f"by up to {number(found.largest)} in {rows}" if found.largest else ""
