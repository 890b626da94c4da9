"""What is tried with a pipeline: the same rows in several ways, which must give the same features.

Each trial works on copies. The same rows come alone, in a part and in another order; before and
after other rows; with values never seen; in training mode; from a pipeline saved and loaded.
"""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np

from pytest_converge.columns.rows import count_rows, take
from pytest_converge.core.pipeline_report import FITTED, Difference, PipelineTrial
from pytest_converge.features.pipelines.adapters import PairFunction
from pytest_converge.features.pipelines.output import difference, features_of
from pytest_converge.features.pipelines.target_leak import leak_trial
from pytest_converge.features.pipelines.trial_run import MOST_ROWS, Bench, said, tried
from pytest_converge.features.pipelines.unseen_values import missing_trial, unseen_trials

__all__ = ["run_trials"]

#: Rows that are tried alone.
ALONE = 6


def run_trials(bench: Bench, *, missing: bool | None = None) -> tuple[PipelineTrial, ...]:
    """Everything that can be tried, in order.

    Args:
        bench: the pipeline and its data.
        missing: whether to try missing values; None: in the columns that have some.
    """
    randomness = _randomness(bench)
    if randomness.failed:
        why = "the features are random"
        rest = [
            PipelineTrial(code=code, what=what, why_not=why)
            for code, what in (
                ("second-fit", FITTED),
                ("order-dependent", "rows in another order"),
                ("batch-statistics", "rows alone and in parts"),
                ("reload-differs", "saved and loaded"),
            )
        ]
        return (randomness, *rest)
    statistics, use, order = _second_fit(bench), _changed_by_use(bench), _other_order(bench)
    learns = use.failed or (statistics.failed and isinstance(bench.fitted, PairFunction))
    alone = "rows alone and in parts"
    batches = PipelineTrial(
        code="batch-statistics",
        what=alone,
        why_not="other rows change it" if learns else "the order matters",
    )
    whole = len(bench.base) == count_rows(bench.few)
    return (
        statistics,
        use,
        randomness,
        order,
        batches if order.failed or learns else _batches(bench),
        leak_trial(bench.pipeline, bench.train, bench.targets, bench.names),
        *(unseen_trials(bench) if whole else ()),
        *([missing_trial(bench, missing)] if whole else ()),
        _modes(bench),
        _reloaded(bench),
    )


def _second_fit(bench: Bench) -> PipelineTrial:
    code, what = "second-fit", FITTED
    if isinstance(bench.fitted, PairFunction):
        pair = bench.fitted
        part = take(bench.other, np.arange((count_rows(bench.other) + 1) // 2))

        def without_half() -> Difference:
            whole = features_of(pair.both(bench.other)[0], bench.names)
            return difference(whole, features_of(pair.both(part)[0], bench.names))

        return tried(code, what, without_half)
    given = bench.pipeline.given()
    if given is None:
        why = "not fitted before" if bench.pipeline.fits else "it learns nothing"
        return PipelineTrial(code=code, what=what, why_not=why)
    found = tried(code, what, lambda: difference(bench.base, bench.features(given, bench.few)))
    if found.failed and _fits_randomly(bench):
        return PipelineTrial(code=code, what=what, why_not="two fits to the same rows differ")
    return found


def _fits_randomly(bench: Bench) -> bool:
    again = bench.pipeline.fitted(bench.train, bench.targets)
    return not difference(bench.base, bench.features(again, bench.few)).is_none


def _changed_by_use(bench: Bench) -> PipelineTrial:
    """The same rows before and after other rows went through."""
    code, what = "second-fit", "unchanged by other rows"

    def run() -> Difference:
        used = bench.again()
        before = bench.features(used, bench.few)
        bench.features(used, bench.other)
        head = take(bench.train, np.arange(min(count_rows(bench.train), MOST_ROWS)))
        with contextlib.suppress(Exception):  # training rows may hold what has its own trial
            bench.features(used, head)
        return difference(before, bench.features(used, bench.few))

    return tried(code, what, run)


def _randomness(bench: Bench) -> PipelineTrial:
    def run() -> Difference:
        first = bench.features(bench.again(), bench.few)
        return difference(first, bench.features(bench.again(), bench.few))

    return tried("random-output", "the same rows twice", run)


def _other_order(bench: Bench) -> PipelineTrial:
    rows = count_rows(bench.few)
    order = np.random.default_rng(0).permutation(rows)

    def run() -> Difference:
        if len(bench.base) != rows:
            return Difference(problem=f"{len(bench.base)} rows of features for {rows} rows")
        turned = bench.features(bench.again(), take(bench.few, order))
        if len(turned) != rows:
            return Difference(problem=f"{len(turned)} rows of features for {rows} rows")
        return difference(bench.base, turned.rows(np.argsort(order)))

    return tried("order-dependent", "rows in another order", run)


def _batches(bench: Bench) -> PipelineTrial:
    rows = count_rows(bench.few)
    alone = np.unique(np.linspace(0, rows - 1, ALONE).astype(int)).tolist()
    parts = [[*range(rows // 2)], [*range(rows // 2, rows)], *([row] for row in alone)]

    def run() -> Difference:
        pipeline = bench.again()
        found = Difference(compared=rows)
        for part in parts:
            if not len(part):
                continue
            came = bench.features(pipeline, take(bench.few, part))
            found = difference(bench.base.rows(part), came)
            if not found.is_none:
                size = "alone" if len(part) == 1 else f"in a part of {len(part)}"
                said = f"{found.problem} {size}" if found.problem else ""
                return dataclasses.replace(found, problem=said)
        return found

    return tried("batch-statistics", "rows alone and in parts", run)


def _modes(bench: Bench) -> PipelineTrial:
    code, what = "mode-mismatch", "training and inference mode"
    if bench.pipeline.takes_targets and bench.targets is not None:
        why = "targets take part in it"
        return PipelineTrial(code=code, what=what, why_not=why)
    try:
        trained = bench.again().in_training(bench.train)
    except Exception as error:  # noqa: BLE001 - whatever the user's code raises is the finding
        return PipelineTrial(code=code, what=what, difference=Difference(problem=said(error)))
    if trained is None:
        return PipelineTrial(code=code, what=what, why_not="there is one way only")
    seen = features_of(trained, bench.names)
    return tried(code, what, lambda: difference(seen, bench.features(bench.again(), bench.train)))


def _reloaded(bench: Bench) -> PipelineTrial:
    code, what = "reload-differs", "saved and loaded"
    try:
        again = bench.again().reloaded(bench.few)
    except Exception as error:  # noqa: BLE001 - whatever the user's code raises is the finding
        found = Difference(problem=said(error))
        return PipelineTrial(code=code, what=what, difference=found)
    if again is None:
        return PipelineTrial(code=code, what=what, why_not="a function is code")
    return tried(code, what, lambda: difference(bench.base, bench.features(again, bench.few)))
