"""Inputs standardised in front of their layers."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.interventions.layer_inputs_scaled import (
    adapted_anew,
    standardised_in_front,
    without_rescaling,
)
from pytest_converge.training.measures.closed_over_inputs import UnscaledInput
from tests.zoo.problems import fit, sequential
from tests.zoo.trainings import training_of

RNG = np.random.default_rng(0)


def dense(columns):
    layer = layers.Dense(2, name="first")
    layer.build((None, columns))
    return layer


def measured(layer, x):
    return UnscaledInput(
        name=layer.name,
        layer=layer,
        low=float(x.min()),
        high=float(x.max()),
        means=tuple(x.mean(axis=0).tolist()),
        deviations=tuple(x.std(axis=0).tolist()),
    )


@pytest.mark.parametrize("columns", [1, 3, 12])
def test_the_layer_gets_what_the_line_to_paste_makes(columns):
    x = RNG.normal(400.0, 90.0, (256, columns)).astype("float32")
    layer = dense(columns)
    change = standardised_in_front([measured(layer, x)])
    line, _, where = change.fix.partition("  # in front of ")
    pasted = eval(line, {"keras": keras})  # noqa: S307 - a line of our own
    expected = layer(pasted(x))
    before = layer(x)
    with change.variant(None):
        np.testing.assert_allclose(layer(x), expected, atol=2e-3)
    np.testing.assert_array_equal(layer(x), before)
    assert where == "first"
    assert abs(float(np.mean(pasted(x)))) < 0.05
    assert change.fault.startswith("the input of first goes from ")


def test_a_constant_column_becomes_zero():
    x = np.full((8, 2), 50.0, "float32")
    layer = dense(2)
    with standardised_in_front([measured(layer, x)]).variant(None):
        np.testing.assert_array_equal(layer(x), np.zeros((8, 2)))


def preprocessed(*scaling):
    model = sequential(*scaling, layers.Dense(1), optimizer="sgd", loss="mse", shape=(3,))
    return training_of(fit(model, RNG.uniform(0, 1, (32, 3)), np.zeros((32, 1))))


def test_a_rescaling_of_what_has_a_suitable_scale_is_left_out():
    training = preprocessed(layers.Rescaling(1 / 255, name="again"))
    (change,) = without_rescaling(training)
    line, _, place = change.fix.partition("  # in place of ")
    pasted = eval(line, {"keras": keras})  # noqa: S307 - a line of our own
    x = RNG.uniform(0, 1, (4, 3)).astype("float32")
    layer = training.model.layers[0]
    with change.variant(None):
        np.testing.assert_array_equal(layer(x), pasted(x))
    np.testing.assert_allclose(layer(x), x / 255, rtol=1e-5)
    assert place.startswith("again")
    assert "makes them from" in change.fault


def test_a_rescaling_that_is_needed_stays():
    needed = sequential(
        layers.Rescaling(1 / 255), layers.Dense(1), optimizer="sgd", loss="mse", shape=(3,)
    )
    pixels = RNG.uniform(0, 255, (32, 3))
    assert without_rescaling(training_of(fit(needed, pixels, np.zeros((32, 1))))) == ()
    assert without_rescaling(preprocessed()) == ()


def normalised(norm, x):
    parts, rate = (norm, layers.Dense(1)), keras.optimizers.SGD(0.1)
    model = sequential(*parts, optimizer=rate, loss="mse", shape=x.shape[1:])
    return adapted_anew(training_of(fit(model, x, x[:, :1])), {"x": x})


@pytest.mark.parametrize("kind", ["all columns as one", "other data"])
def test_a_normalisation_is_adapted_to_the_columns_that_it_is_fed_with(kind):
    x = (RNG.normal(size=(64, 3)) * [1.0, 50.0, 4000.0]).astype("float32")
    norm = layers.Normalization(axis=None if kind == "all columns as one" else -1)
    norm.adapt(x if kind == "all columns as one" else 1000 * x)
    before = np.asarray(norm(x))
    (change,) = normalised(norm, x)
    line, _, where = change.fix.partition("  # in place of ")
    named = {"keras": keras, "x": x}
    exec(line, named)  # noqa: S102 - a line of our own
    with change.variant(None):
        np.testing.assert_allclose(norm(x), named["norm"](x), atol=1e-4)
    np.testing.assert_array_equal(norm(x), before)
    assert where == norm.name
    assert kind in change.fault


def test_a_normalisation_that_was_never_adapted_is():
    x = (RNG.normal(size=(64, 3)) * [1.0, 50.0, 4000.0]).astype("float32")
    norm = layers.Normalization(name="norm")
    (change,) = normalised(norm, x)
    assert change.fix == 'model.get_layer("norm").adapt(x)'
    assert "norm was never adapted" in change.fault
    with change.variant(None):
        np.testing.assert_allclose(np.asarray(norm(x)).std(axis=0), 1.0, rtol=1e-3)


def test_a_normalisation_of_given_numbers_was_made_for_other_data():
    x = (RNG.normal(size=(64, 3)) * [1.0, 50.0, 4000.0]).astype("float32")
    (change,) = normalised(layers.Normalization(mean=0.0, variance=1.0), x)
    assert "other data" in change.fault


def test_a_normalisation_that_suits_its_data_is_left_alone():
    x = (RNG.normal(size=(64, 3)) * [1.0, 50.0, 4000.0]).astype("float32")
    norm = layers.Normalization()
    norm.adapt(x)
    assert normalised(norm, x) == ()
