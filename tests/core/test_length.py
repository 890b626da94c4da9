"""The length of a training, said in epochs or in updates."""

from __future__ import annotations

import re

import pytest

from pytest_converge import InvalidTrainingError
from pytest_converge.core.length import Length, check_count


@pytest.mark.parametrize(
    ("given", "batches", "updates"),
    [
        ({"epochs": 5, "steps_per_epoch": 40}, None, 200),
        ({"epochs": 5, "steps_per_epoch": 40}, 7, 200),
        ({"epochs": 5}, 7, 35),
        ({"epochs": 10, "initial_epoch": 5}, 7, 35),
        ({"steps_per_epoch": 40}, 7, None),
        ({}, 7, None),
    ],
)
def test_epochs_are_so_many_updates(given: dict, batches: int | None, updates: int | None) -> None:
    assert Length(**given).updates(batches) == updates


def test_epochs_and_steps_of_one_call_may_agree() -> None:
    assert Length(epochs=5, steps_per_epoch=40).updates(None, steps=200) == 200


@pytest.mark.parametrize(
    ("given", "steps", "pattern"),
    [
        (
            {"epochs": 5, "steps_per_epoch": 40},
            100,
            "got steps=100 beside 5 epochs of 40 steps, which are 200; expected the same number",
        ),
        (
            {"epochs": 2, "initial_epoch": 1, "steps_per_epoch": 1},
            2,
            "got steps=2 beside 1 epoch of 1 step, which are 1;",
        ),
        ({"epochs": 5}, None, "got epochs=5 for data .* not known; expected steps_per_epoch"),
    ],
)
def test_a_call_that_contradicts_itself_is_named(given: dict, steps: int, pattern: str) -> None:
    with pytest.raises(InvalidTrainingError, match=pattern):
        Length(**given).updates(None, steps=steps)


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        ({"epochs": 0}, "got epochs=0 (int); expected an integer of at least 1"),
        ({"epochs": 2.0}, "got epochs=2.0 (float)"),
        ({"epochs": True}, "got epochs=True (bool)"),
        ({"steps_per_epoch": "40"}, "got steps_per_epoch='40' (str)"),
        ({"initial_epoch": -1}, "got initial_epoch=-1 (int); expected an integer of at least 0"),
        ({"initial_epoch": None}, "got initial_epoch=None"),
        ({"epochs": 5, "initial_epoch": 5}, "got initial_epoch=5 with epochs=5"),
    ],
)
def test_what_is_no_number_of_epochs_is_refused(given: dict, pattern: str) -> None:
    with pytest.raises(InvalidTrainingError, match=re.escape(pattern)):
        Length(**given)


def test_callbacks_are_told_of_an_epoch_that_is_cut() -> None:
    assert Length().last_epoch(25, 10) == 3
    assert Length(initial_epoch=4).last_epoch(20, 10) == 6


def test_a_count_of_numpy_is_one_of_python() -> None:
    numpy = pytest.importorskip("numpy")
    assert type(check_count("epochs", numpy.int64(3))) is int
