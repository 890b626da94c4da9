"""The history of a baseline in rows."""

from __future__ import annotations

import math

from pytest_converge.core.baseline_history import BaselineHistory, RecordedVersion
from pytest_converge.report.baseline_history import history_lines, remark
from tests.recorded import TEST, recorded, stored_run


def version(day, training=None, **changes):
    return RecordedVersion(commit=f"abc{day}", date=f"2026-01-0{day}", training=training, **changes)


def texts(*versions, width=100):
    history = BaselineHistory(test=TEST, number=1, versions=versions)
    lines = history_lines(history, width=width, unicode=True)
    return ["".join(segment.text for segment in line) for line in lines]


def test_rows():
    lines = texts(
        version(1, recorded()),
        version(2, recorded(level=0.1, reason="why")),
        version(3, problem="a file of the newer schema_version=9"),
        version(4, recorded(level=-0.1), changed=("steps",)),
    )
    assert lines == [
        "tests/test_models.py::test_wine",
        "  date        commit  whole curve  last half  last loss  change",
        "  2026-01-01  abc1         0.3311     0.1429    0.04871",
        "  2026-01-02  abc2         0.3659     0.1579    0.05383  11 % worse",
        "    why",
        "  2026-01-03  abc3",
        "    a file of the newer schema_version=9",
        "  2026-01-04  abc4         0.2996     0.1293    0.04407",
        "    other settings: steps",
    ]


def test_a_baseline_that_went_over_to_a_metric_has_columns_of_both():
    runs = tuple(stored_run(i, scores=(-0.9,)) for i in range(20))
    metric = recorded(runs=runs, settings={"metric": "accuracy"})
    _, names, first, second, _ = texts(
        version(1, recorded()), version(2, metric, changed=("metric",))
    )
    assert names.split()[2:7] == ["whole", "curve", "last", "half", "accuracy"]
    assert first.split()[2:4] == ["0.3311", "0.1429"]
    assert second.split()[2:4] == ["-0.9000", "0.04880"]


def test_runs_that_were_not_finite():
    runs = tuple(stored_run(i, scores=(math.inf,) * 2) for i in range(20))
    lines = texts(version(1, recorded()), version(2, recorded(runs=runs)))
    assert lines[3].split()[2:6] == ["inf", "inf", "0.04880", "worse"]


def test_a_remark_says_all_there_is():
    said = version(1, recorded(reason="why"), changed=("steps", "loss"), other_data=True)
    assert remark(said) == "why; other settings: steps, loss; other data"
