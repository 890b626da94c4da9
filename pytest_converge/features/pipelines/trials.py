"""What is tried with a pipeline: the same rows in several ways, which must give the same features.

Each trial works on copies. The same rows come alone, in a part and in another order; before and
after other rows; with values never seen; in training mode; from a pipeline saved and loaded.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable

import numpy as np

from pytest_converge.columns.rows import count_rows, take
from pytest_converge.core.pipeline_report import FITTED, Difference, PipelineTrial
from pytest_converge.features.pipelines.adapters import PairFunction
from pytest_converge.features.pipelines.output import difference, features_of
from pytest_converge.features.pipelines.target_leak import leak_trial
from pytest_converge.features.pipelines.trial_run import MOST_ROWS, TriedPipeline, tried
from pytest_converge.features.pipelines.unseen_values import missing_trial, unseen_trials

__all__ = ["run_trials"]

#: Rows that are tried alone.
ALONE = 6
#: What is tried with each code of which there is one trial.
WHAT = {
    "second-fit": FITTED,
    "random-output": "the same rows twice",
    "order-dependent": "rows in another order",
    "batch-statistics": "rows alone and in parts",
    "mode-mismatch": "training and inference mode",
    "reload-differs": "saved and loaded",
}
#: What says nothing where the features are random.
NEEDS_A_RESULT = ("second-fit", "order-dependent", "batch-statistics", "reload-differs")


def run_trials(subject: TriedPipeline, *, missing: bool | None = None) -> tuple[PipelineTrial, ...]:
    """Everything that can be tried, in order.

    Args:
        subject: the pipeline and its data.
        missing: whether to try missing values; None: in the columns that have some.
    """
    randomness = _trial("random-output", lambda: _twice(subject))
    if randomness.failed:
        rest = [_trial(code, lambda: "the features are random") for code in NEEDS_A_RESULT]
        return (randomness, *rest)
    statistics = _trial("second-fit", lambda: _second_fit(subject))
    use = tried("second-fit", "unchanged by other rows", lambda: _changed_by_use(subject))
    order = _trial("order-dependent", lambda: _other_order(subject))

    def batches() -> Difference | str:
        if use.failed or (statistics.failed and isinstance(subject.fitted, PairFunction)):
            return "other rows change it"
        return "the order matters" if order.failed else _batches(subject)

    whole = len(subject.base) == count_rows(subject.few)
    return (
        statistics,
        use,
        randomness,
        order,
        _trial("batch-statistics", batches),
        leak_trial(subject.pipeline, subject.train, subject.targets, subject.names),
        *(unseen_trials(subject) if whole else ()),
        *([missing_trial(subject, missing)] if whole else ()),
        _trial("mode-mismatch", lambda: _modes(subject)),
        _trial("reload-differs", lambda: _reloaded(subject)),
    )


def _trial(code: str, run: Callable[[], Difference | str]) -> PipelineTrial:
    return tried(code, WHAT[code], run)


def _twice(subject: TriedPipeline) -> Difference:
    first = subject.features(subject.again(), subject.few)
    return difference(first, subject.features(subject.again(), subject.few))


def _second_fit(subject: TriedPipeline) -> Difference | str:
    if isinstance(subject.fitted, PairFunction):
        part = take(subject.other, np.arange((count_rows(subject.other) + 1) // 2))
        whole = features_of(subject.fitted.both(subject.other)[0], subject.names)
        return difference(whole, features_of(subject.fitted.both(part)[0], subject.names))
    given = subject.pipeline.given()
    if given is None:
        return "not fitted before" if subject.pipeline.fits else "it learns nothing"
    found = difference(subject.base, subject.features(given, subject.few))
    if not found.is_none:
        again = subject.pipeline.fitted(subject.train, subject.targets)
        if not difference(subject.base, subject.features(again, subject.few)).is_none:
            return "two fits to the same rows differ"
    return found


def _changed_by_use(subject: TriedPipeline) -> Difference:
    """The same rows before and after other rows went through."""
    used = subject.again()
    before = subject.features(used, subject.few)
    subject.features(used, subject.other)
    head = take(subject.train, np.arange(min(count_rows(subject.train), MOST_ROWS)))
    with contextlib.suppress(Exception):  # training rows may hold what has its own trial
        subject.features(used, head)
    return difference(before, subject.features(used, subject.few))


def _other_order(subject: TriedPipeline) -> Difference:
    rows = count_rows(subject.few)
    order = np.random.default_rng(0).permutation(rows)
    if len(subject.base) == rows:
        turned = subject.features(subject.again(), take(subject.few, order))
        if len(turned) == rows:
            return difference(subject.base, turned.rows(np.argsort(order)))
    else:
        turned = subject.base
    return Difference(problem=f"{len(turned)} rows of features for {rows} rows")


def _batches(subject: TriedPipeline) -> Difference:
    rows = count_rows(subject.few)
    alone = np.unique(np.linspace(0, rows - 1, ALONE).astype(int)).tolist()
    parts = [[*range(rows // 2)], [*range(rows // 2, rows)], *([row] for row in alone)]
    pipeline = subject.again()
    for part in filter(None, parts):
        came = subject.features(pipeline, take(subject.few, part))
        found = difference(subject.base.rows(part), came)
        if not found.is_none:
            size = "alone" if len(part) == 1 else f"in a part of {len(part)}"
            problem = f"{found.problem} {size}" if found.problem else ""
            return dataclasses.replace(found, problem=problem)
    return found


def _modes(subject: TriedPipeline) -> Difference | str:
    if subject.pipeline.takes_targets and subject.targets is not None:
        return "targets take part in it"
    trained = subject.again().in_training(subject.train)
    if trained is None:
        return "there is one way only"
    seen = features_of(trained, subject.names)
    return difference(seen, subject.features(subject.again(), subject.train))


def _reloaded(subject: TriedPipeline) -> Difference | str:
    again = subject.again().reloaded(subject.few)
    if again is None:
        return "a function is code"
    return difference(subject.base, subject.features(again, subject.few))
