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
from pytest_converge.features.pipelines.trial_run import MOST_ROWS, Bench, tried
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


def run_trials(bench: Bench, *, missing: bool | None = None) -> tuple[PipelineTrial, ...]:
    """Everything that can be tried, in order.

    Args:
        bench: the pipeline and its data.
        missing: whether to try missing values; None: in the columns that have some.
    """
    randomness = _trial("random-output", lambda: _twice(bench))
    if randomness.failed:
        rest = [_trial(code, lambda: "the features are random") for code in NEEDS_A_RESULT]
        return (randomness, *rest)
    statistics = _trial("second-fit", lambda: _second_fit(bench))
    use = tried("second-fit", "unchanged by other rows", lambda: _changed_by_use(bench))
    order = _trial("order-dependent", lambda: _other_order(bench))

    def batches() -> Difference | str:
        if use.failed or (statistics.failed and isinstance(bench.fitted, PairFunction)):
            return "other rows change it"
        return "the order matters" if order.failed else _batches(bench)

    whole = len(bench.base) == count_rows(bench.few)
    return (
        statistics,
        use,
        randomness,
        order,
        _trial("batch-statistics", batches),
        leak_trial(bench.pipeline, bench.train, bench.targets, bench.names),
        *(unseen_trials(bench) if whole else ()),
        *([missing_trial(bench, missing)] if whole else ()),
        _trial("mode-mismatch", lambda: _modes(bench)),
        _trial("reload-differs", lambda: _reloaded(bench)),
    )


def _trial(code: str, run: Callable[[], Difference | str]) -> PipelineTrial:
    return tried(code, WHAT[code], run)


def _twice(bench: Bench) -> Difference:
    first = bench.features(bench.again(), bench.few)
    return difference(first, bench.features(bench.again(), bench.few))


def _second_fit(bench: Bench) -> Difference | str:
    if isinstance(bench.fitted, PairFunction):
        part = take(bench.other, np.arange((count_rows(bench.other) + 1) // 2))
        whole = features_of(bench.fitted.both(bench.other)[0], bench.names)
        return difference(whole, features_of(bench.fitted.both(part)[0], bench.names))
    given = bench.pipeline.given()
    if given is None:
        return "not fitted before" if bench.pipeline.fits else "it learns nothing"
    found = difference(bench.base, bench.features(given, bench.few))
    if not found.is_none:
        again = bench.pipeline.fitted(bench.train, bench.targets)
        if not difference(bench.base, bench.features(again, bench.few)).is_none:
            return "two fits to the same rows differ"
    return found


def _changed_by_use(bench: Bench) -> Difference:
    """The same rows before and after other rows went through."""
    used = bench.again()
    before = bench.features(used, bench.few)
    bench.features(used, bench.other)
    head = take(bench.train, np.arange(min(count_rows(bench.train), MOST_ROWS)))
    with contextlib.suppress(Exception):  # training rows may hold what has its own trial
        bench.features(used, head)
    return difference(before, bench.features(used, bench.few))


def _other_order(bench: Bench) -> Difference:
    rows = count_rows(bench.few)
    order = np.random.default_rng(0).permutation(rows)
    if len(bench.base) == rows:
        turned = bench.features(bench.again(), take(bench.few, order))
        if len(turned) == rows:
            return difference(bench.base, turned.rows(np.argsort(order)))
    else:
        turned = bench.base
    return Difference(problem=f"{len(turned)} rows of features for {rows} rows")


def _batches(bench: Bench) -> Difference:
    rows = count_rows(bench.few)
    alone = np.unique(np.linspace(0, rows - 1, ALONE).astype(int)).tolist()
    parts = [[*range(rows // 2)], [*range(rows // 2, rows)], *([row] for row in alone)]
    pipeline = bench.again()
    for part in filter(None, parts):
        came = bench.features(pipeline, take(bench.few, part))
        found = difference(bench.base.rows(part), came)
        if not found.is_none:
            size = "alone" if len(part) == 1 else f"in a part of {len(part)}"
            problem = f"{found.problem} {size}" if found.problem else ""
            return dataclasses.replace(found, problem=problem)
    return found


def _modes(bench: Bench) -> Difference | str:
    if bench.pipeline.takes_targets and bench.targets is not None:
        return "targets take part in it"
    trained = bench.again().in_training(bench.train)
    if trained is None:
        return "there is one way only"
    seen = features_of(trained, bench.names)
    return difference(seen, bench.features(bench.again(), bench.train))


def _reloaded(bench: Bench) -> Difference | str:
    again = bench.again().reloaded(bench.few)
    if again is None:
        return "a function is code"
    return difference(bench.base, bench.features(again, bench.few))
