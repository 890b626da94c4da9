"""Checks of targets."""

from __future__ import annotations

import pytest

from pytest_converge.core.data_limits import DataLimits
from pytest_converge.features.checks import targets
from tests.features.checks.profiles import column, group, target

LIMITS = DataLimits()


def equally(*names):
    return tuple((name, 1000 // len(names)) for name in names)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, None),
        ({"classes": equally("0", "1", "2")}, None),
        ({"classes": equally("-1", "1")}, None),
        ({"classes": equally("1", "2")}, "the labels start at 1 (1, 2), not at 0"),
        ({"classes": equally("0", "2")}, "the labels leave out 1 (0, 2)"),
        ({"classes": (("0", 997), ("2", 3))}, None),  # a count that did not occur
        ({"classes": equally("0.5", "1.5")}, "2 classes, but the labels are no whole numbers"),
        ({"classes": equally("0", "1"), "dtype": "float32"}, None),
        ({"classes": equally("0", "1", "2"), "dtype": "float32"}, "3 classes as floats (0, 1, 2)"),
        ({"classes": equally("False", "True"), "dtype": "bool"}, None),
        ({"classes": equally("(1+0j)", "2j"), "dtype": "complex64"}, None),  # no type of labels
        (
            {
                "classes": equally("2026", "2027"),
                "dtype": "datetime64[Y]",
                "own": {"kind": "dates"},
            },
            None,
        ),
        ({"classes": (("", 1000),), "dtype": "object", "own": {"kind": "empty"}}, None),
        ({"task": "one-hot"}, None),
        ({"task": "one-hot", "off_rows": 3}, "3 of 1000 one-hot rows do not add up to 1"),
        ({"task": "one-hot", "row_sum": 2.0}, "the rows of the targets add up to 2, not to 1"),
        ({"task": "values", "classes": ()}, None),
    ],
)
def test_the_encoding_of_labels(values, said):
    found = targets.labels_are_encoded(target(**values), LIMITS)
    assert (found is None) if said is None else found.message.startswith(said)


def test_labels_of_text_are_no_numbers():
    text = column("y", dtype="object", kind="text")
    found = targets.labels_are_encoded(
        target(classes=equally("cat", "dog"), columns=(text,)), LIMITS
    )
    assert found.message == "the labels are text (cat, dog), no numbers"


def test_targets_that_are_missing_are_counted():
    found = targets.targets_are_finite(target(own={"missing": 5}))
    assert found.message == "5 missing and 0 infinite in the targets y"


@pytest.mark.parametrize(
    ("values", "constant"),
    [
        ({}, False),
        ({"classes": (("1", 1000),)}, True),
        ({"classes": (("0", 0), ("1", 1000)), "task": "one-hot"}, True),
        ({"task": "values", "classes": (), "columns": (column(kind="constant"),)}, True),
        ({"task": "values", "classes": (), "columns": (column(),)}, False),
    ],
)
def test_targets_vary(values, constant):
    assert (targets.targets_vary(target(**values)) is not None) == constant


@pytest.mark.parametrize(
    ("counts", "reported"),
    [((980, 20), True), ((970, 30), False), ((500, 495, 5), True), ((500, 470, 30), False)],
)
def test_the_rarest_class_is_compared_with_an_equal_share(counts, reported):
    classes = tuple((str(label), rows) for label, rows in enumerate(counts))
    found = targets.classes_are_balanced(target(classes=classes), LIMITS)
    assert (found is not None) == reported
    assert (
        targets.classes_are_balanced(target(classes=classes), DataLimits(min_balance=0.0)) is None
    )


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ({"changes": 500}, False),
        ({"changes": 130}, False),
        ({"changes": 120}, True),
        ({"changes": 1, "classes": (("0", 15), ("1", 15)), "expected_changes": 15.0}, False),
        ({"task": "values", "classes": (), "sorted_share": 0.99}, True),
        ({"task": "values", "classes": (), "sorted_share": 0.9}, False),
    ],
)
def test_rows_are_mixed(values, reported):
    assert (targets.rows_are_mixed(target(**values)) is not None) == reported


@pytest.mark.parametrize(
    ("kinds", "conflicts", "reported"),
    [
        (("continuous", "binary"), 20, True),
        (("continuous", "binary"), 9, False),
        (("binary", "ordinal", "categorical"), 400, False),  # few answers to few questions
        (("tokens",) * 8, 20, True),
        (("tokens",) * 7, 20, False),
    ],
)
def test_equal_rows_agree_where_they_are_no_chance(kinds, conflicts, reported):
    columns = [column(str(index), kind=kind) for index, kind in enumerate(kinds)]
    found = targets.rows_agree(target(conflicts=conflicts), group(*columns), LIMITS)
    assert (found is not None) == reported


def test_rows_of_the_most_frequent_values_are_alike_by_chance():
    columns = [column(str(index), common_share=0.6, zeros=0.6) for index in range(3)]
    assert targets.rows_agree(target(conflicts=216), group(*columns), LIMITS) is None
    assert targets.rows_agree(target(conflicts=700), group(*columns), LIMITS) is not None
