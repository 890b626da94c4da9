"""Profiles of columns for the checks of data."""

from __future__ import annotations

from pytest_converge.core.data_report import ColumnProfile, GroupProfile, TargetProfile


def column(name="a", **values):
    """A standardised column of 1,000 rows, but for what is given."""
    given = {
        "dtype": "float64",
        "kind": "continuous",
        "values": 1000,
        "mean": 0.0,
        "deviation": 1.0,
        "low": -3.0,
        "high": 3.0,
        "spread": 1.0,
        "distinct": 900,
        "common_share": 0.002,
        **values,
    }
    return ColumnProfile(name=name, **given)


def group(*columns, shape="table", normed=False):
    return [GroupProfile(name="x", shape=shape, normed=normed, columns=columns)]


def target(task="classes", classes=(("0", 500), ("1", 500)), **values):
    dtype = values.pop("dtype", "int64")
    own = values.pop("own", {})
    columns = values.pop("columns", (column("y", **{"dtype": dtype, "kind": "binary", **own}),))
    expected = {"changes": 500, "expected_changes": 500.0} if classes else {}
    given = {"rows": 1000, **expected, **values}
    return TargetProfile(task=task, columns=columns, classes=classes, **given)
