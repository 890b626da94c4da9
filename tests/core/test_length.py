"""The length of a training, said in epochs or in updates."""

from __future__ import annotations

import pytest

from pytest_converge import InvalidTrainingError
from pytest_converge.core.errors import shown
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
    ("given", "steps", "message"),
    [
        (
            {"epochs": 5, "steps_per_epoch": 40},
            100,
            (
                "got steps=100 beside 5 epochs of 40 steps, which are 200; expected the same number"
                " of updates. Leave one of the two out."
            ),
        ),
        (
            {"epochs": 2, "initial_epoch": 1, "steps_per_epoch": 1},
            2,
            (
                "got steps=2 beside 1 epoch of 1 step, which are 1; expected the same number"
                " of updates. Leave one of the two out."
            ),
        ),
        (
            {"epochs": 5},
            None,
            (
                "got epochs=5 for data whose number of batches is not known; expected"
                " steps_per_epoch beside it."
                " Give steps_per_epoch, or the number of updates alone: steps=200."
            ),
        ),
    ],
)
def test_a_call_that_contradicts_itself_is_named(given: dict, steps: int, message: str) -> None:
    with pytest.raises(InvalidTrainingError) as caught:
        Length(**given).updates(None, steps=steps)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "value", "text", "lowest"),
    [
        ("epochs", 0, "0 (int)", 1),
        ("epochs", 2.0, "2.0 (float)", 1),
        ("epochs", True, "True (bool)", 1),
        ("steps_per_epoch", "40", "'40' (str)", 1),
        ("initial_epoch", -1, "-1 (int)", 0),
        ("initial_epoch", None, "None (NoneType)", 0),
    ],
)
def test_what_is_no_number_of_epochs_is_refused(
    name: str, value: object, text: str, lowest: int
) -> None:
    with pytest.raises(InvalidTrainingError) as caught:
        Length(**{name: value})
    assert str(caught.value) == (
        f"got {name}={text}; expected an integer of at least {lowest}. Write {name}=5, for example."
    )


def test_a_call_without_an_epoch_that_is_left_is_refused() -> None:
    with pytest.raises(InvalidTrainingError) as caught:
        Length(epochs=5, initial_epoch=5)
    assert str(caught.value) == (
        "got initial_epoch=5 with epochs=5; expected an epoch that is left to train."
        " epochs is the number of the last epoch, not how many are trained."
    )


def test_callbacks_are_told_of_an_epoch_that_is_cut() -> None:
    assert Length().last_epoch(25, 10) == 3
    assert Length(initial_epoch=4).last_epoch(20, 10) == 6


@pytest.mark.parametrize("value", [int, "3", 3.0, True, None])
def test_what_is_no_count_is_named(value: object) -> None:
    with pytest.raises(InvalidTrainingError) as caught:
        check_count("epochs", value, remedy="Count.")
    assert str(caught.value) == (
        f"got epochs={shown(value)}; expected an integer of at least 1. Count."
    )


def test_a_count_of_numpy_is_one_of_python() -> None:
    numpy = pytest.importorskip("numpy")
    count = check_count("epochs", numpy.int64(1))
    assert (count, type(count)) == (1, int)
