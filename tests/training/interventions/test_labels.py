"""Labels that are brought into the range of their loss."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.training.interventions import (
    labels,
)
from tests.training.interventions.trainings import binary
from tests.zoo.problems import BINARY


def of_labels(values, loss=BINARY):
    return labels.into_range(loss, np.array(values, "float32"))


@pytest.mark.parametrize(
    ("values", "loss", "said"),
    [
        ([[0], [1], [2], [0]], BINARY, ["labels above 0 as 1"]),
        ([[0], [40], [100]], BINARY, ["labels divided by 100", "labels above 0 as 1"]),
        ([[0.5], [99.5]] * 2, BINARY, ["labels {0, 1} instead of {0.5, 99.5}"]),
        ([[0.5], [120.5], [3]], BINARY, ["labels divided by 255"]),
        ([[0], [1], [-1], [0]], BINARY, ["rows with labels below 0 left out"]),
        ([[0], [-2], [-1], [-3]], BINARY, []),
        ([[20, 80], [50, 50]], "categorical_crossentropy", ["labels divided by their sum"]),
        ([[0, 1], [0.2, 0.8]], "categorical_crossentropy", []),
        ([[0], [1], [1]], BINARY, []),
        ([[0], [5], [-1]], "mean_squared_error", []),
        ([[0], [np.nan], [7]], BINARY, []),
    ],
)
def test_labels_out_of_range_invite_what_brings_them_into_it(values, loss, said):
    assert [change.change for change in of_labels(values, loss)] == said


def test_what_is_brought_into_range_is_a_probability(parts_during):
    def change(values, loss=BINARY):
        start = binary()
        start.arguments["y"] = np.resize(np.array(values, "float32"), (20, len(values[0])))
        make = lambda reruns: labels.into_range(loss, reruns.rows.arrays[1])[0]  # noqa: E731
        return np.array(parts_during(start, make)[1][-1]["y"][0][1])

    assert set(np.unique(change([[0], [1], [2]]))) == {0, 1}
    assert change([[0], [25], [100]]).max() == 1
    assert (change([[0], [1], [-1]]) >= 0).all()
