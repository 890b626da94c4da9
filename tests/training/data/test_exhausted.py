"""An iterator of the user's own that ends too early is named with its step."""

from __future__ import annotations

import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.data.exhausted import end_of_data_named


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((1,), r"at step 1; expected a batch for each step\. Let its data start again, as by data"),
        ((6,), r"at step 6; .*\. Pass steps=5, or let its data start again"),
        ((6, 6), r"at step 6; .*\. Pass steps=5, or"),
        ((6, 9), r"between step 6 and step 9; .*\. Pass fewer steps, or"),
    ],
)
def test_the_step_is_said(steps, said):
    with (
        pytest.raises(InvalidTrainingError, match=f"got an iterator that ran dry {said}"),
        end_of_data_named(*steps),
    ):
        next(iter([]))


def test_the_end_within_a_graph_is_the_same():
    batches = iter(tf.data.Dataset.range(1))

    @tf.function
    def step():
        return next(batches)

    step()
    with pytest.raises(InvalidTrainingError, match="ran dry at step 2"), end_of_data_named(2):
        step()


def test_other_errors_are_their_own():
    with pytest.raises(KeyError), end_of_data_named(2):
        {}["loss"]
