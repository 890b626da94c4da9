"""What layers are fed with by a step that closes over its data."""

from __future__ import annotations

import pytest

from pytest_converge.training.measures.closed_over_inputs import unscaled_inputs
from tests.measured import left_alone
from tests.training.measures.steps import rod
from tests.zoo.trainings import training_of


def test_an_input_on_a_large_scale_is_measured_where_its_layer_takes_it():
    training = training_of(rod(1000.0))
    with left_alone(training):
        (found,) = unscaled_inputs(training)
    assert found.name.endswith("first")
    assert (found.low, found.high) == (0.0, 1000.0)
    assert found.means == pytest.approx([500.0])
    assert found.deviations == pytest.approx([297.8], rel=1e-3)


def test_one_on_a_usual_scale_is_not():
    assert unscaled_inputs(training_of(rod(1.0))) == ()


def test_what_trained_layers_make_is_not():
    assert unscaled_inputs(training_of(rod(1.0, grows=1000.0))) == ()
