"""How far the predictions of a model differ from row to row."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.measures.predictions import prediction_deviation
from tests.measured import left_alone
from tests.training.measures.steps import regression
from tests.zoo.problems import HEALTHY
from tests.zoo.trainings import training_of

PROBLEMS = {problem.name: problem for problem in HEALTHY}


def dead():
    return layers.Dense(3, "relu", bias_initializer=keras.initializers.Constant(-99.0))


@pytest.mark.parametrize(
    ("parts", "equal"), [([dead(), layers.Dense(1)], True), ([layers.Dense(1)], False)]
)
def test_a_model_that_says_the_same_of_every_row_has_none(parts, equal):
    training = training_of(regression(*parts))
    with left_alone(training):
        found = prediction_deviation(training)
    assert (found == 0.0) == equal


def test_it_is_that_of_the_predictions():
    start = regression()
    model, x = start.arguments["model"], start.arguments["x"]
    found = prediction_deviation(training_of(start))
    assert found == pytest.approx(float(np.std(model(x))), rel=1e-4)


@pytest.mark.parametrize("name", ["lists_of_outputs", "batch_norm", "two_inputs_two_outputs"])
def test_any_structure_of_outputs_will_do(name):
    training = training_of(PROBLEMS[name].start(0))
    with left_alone(training):
        assert prediction_deviation(training) > 0


@pytest.mark.parametrize("name", ["vae", "quadratic", "compiled_step"])
def test_without_a_model_that_must_be_callable_there_is_none(name):
    assert prediction_deviation(training_of(PROBLEMS[name].start(0))) is None
