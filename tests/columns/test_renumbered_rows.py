"""Rows whose classes are numbered in another way, told from their neighbours among the others."""

import numpy as np
import pytest

from pytest_converge.columns.renumbered_rows import renumbered_rows

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 4, 400)
X = RNG.normal(size=(4, 5))[CLASSES] * 2 + RNG.normal(size=(400, 5))
ROWS = np.arange(400)


@pytest.mark.parametrize("first", [120, 200, 290])
def test_a_block_of_rows_is_found_by_its_place(first):
    found = renumbered_rows([X], np.where(first <= ROWS, (CLASSES + 1) % 4, CLASSES))
    assert found.rows.column is None
    assert abs((found.rows.begin or found.rows.end) - first) <= 3
    # What the fewer rows call a class that others call `c`.
    numbers = [3, 0, 1, 2] if found.rows.begin else [1, 2, 3, 0]
    assert list(found.numbers) == numbers


def test_a_column_tells_the_file():
    file = RNG.integers(0, 3, 400)
    mixed = np.array([0, 2, 1, 3])
    found = renumbered_rows(
        [np.column_stack([X, file])], np.where(file == 1, mixed[CLASSES], CLASSES)
    )
    assert (found.rows.column, found.rows.value) == (5, 1.0)
    assert found.numbers == (0, 2, 1, 3)


def test_every_epoch_and_rare_classes_have_numbers(monkeypatch):
    monkeypatch.setattr("pytest_converge.columns.renumbered_rows.MOST_ROWS", 200)
    y = np.where(ROWS >= 200, (CLASSES + 1) % 4, CLASSES)
    y[101] = 6  # a class that no row that is looked at has
    found = renumbered_rows([X], y)
    assert found.numbers[4:] == (4, 5, 6)
    assert abs((found.rows.begin or found.rows.end) - 200) <= 6


@pytest.mark.parametrize(
    "y",
    [
        CLASSES,
        RNG.integers(0, 4, 400),
        np.where(RNG.random(400) < 0.4, RNG.integers(0, 4, 400), CLASSES),
        np.sort(CLASSES),
        np.where(ROWS >= 200, RNG.permutation(CLASSES), CLASSES),
        (CLASSES > 1).astype(int),
        np.where(ROWS >= 200, CLASSES + 0.5, CLASSES),
        np.where(ROWS == 3, -1, CLASSES),
    ],
    ids=[
        "one numbering",
        "noise",
        "wrong labels",
        "sorted labels",
        "half unrelated",
        "two classes",
        "no whole numbers",
        "marks",
    ],
)
def test_other_labels_are_not_accused(y):
    assert renumbered_rows([X], y) is None


def test_rows_in_the_order_of_their_classes_are_not_accused():
    order = np.argsort(CLASSES, kind="stable")
    assert renumbered_rows([X[order]], CLASSES[order]) is None


def test_pictures_and_several_inputs_are_told_by_their_place():
    y = np.where(ROWS >= 200, (CLASSES + 1) % 4, CLASSES)
    pictures = np.repeat(X[:, :, None], 3, axis=2)
    for inputs in ([pictures], [X, RNG.normal(size=(400, 2))]):
        found = renumbered_rows(inputs, y)
        assert found.rows.column is None
