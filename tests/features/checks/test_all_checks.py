"""All checks of data together."""

from __future__ import annotations

from pytest_converge.core.data_limits import DATA_CODES, DataLimits
from pytest_converge.features.checks.all_checks import judge_data
from tests.features.checks.profiles import column, group, target

BAD = group(column("a", missing=2), column("b", deviation=90.0), column("c", twin="b"))


def codes(*arguments, **limits):
    return [found.code for found in judge_data(*arguments, DataLimits(**limits))]


def test_findings_come_in_the_order_of_their_codes():
    found = codes(BAD, target(classes=(("1", 995), ("2", 5))))
    assert found == sorted(found, key=DATA_CODES.index)
    assert found == [
        "nonfinite-data",
        "duplicate-feature",
        "unscaled-features",
        "label-encoding",
        "class-imbalance",
    ]


def test_what_is_ignored_is_left_out():
    assert codes(BAD, None, ignore=("nonfinite-data", "unscaled-features")) == ["duplicate-feature"]


def test_nothing_is_found_in_what_is_sound():
    assert codes(group(column("a"), column("b")), target()) == []
