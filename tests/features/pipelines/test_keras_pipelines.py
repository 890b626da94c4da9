"""Keras' preprocessing layers as pipelines."""

from __future__ import annotations

import numpy as np
import pytest

X = np.random.default_rng(0).normal(3, 2, (60, 2)).astype("float32")
CITIES = np.array([["Bonn"], ["Kiel"], ["Ulm"]] * 10)


@pytest.fixture
def pipeline_of(tensorflow_loaded):
    from pytest_converge.features.pipelines.keras_pipelines import keras_pipeline

    return keras_pipeline


def values(output):
    return np.asarray(output.numpy(), float)


def test_a_layer_is_adapted_as_a_copy(pipeline_of):
    import keras

    layer = keras.layers.Normalization()
    pipeline = pipeline_of(layer)
    assert pipeline.given() is None
    assert values(pipeline.fitted(X).transform(X)).std(axis=0) == pytest.approx(1, rel=1e-4)
    assert not layer.built


@pytest.mark.parametrize("name", ["Normalization", "StringLookup", "Discretization"])
def test_an_adapted_layer_is_known_as_such(pipeline_of, name):
    import keras

    data = CITIES if name == "StringLookup" else X
    arguments = {"num_bins": 3} if name == "Discretization" else {}
    layer = getattr(keras.layers, name)(**arguments)
    layer.adapt(data)
    given = pipeline_of(layer).given()
    assert given is not None
    again = pipeline_of(layer).fitted(data[: len(data) // 2])
    assert values(given.transform(data)).shape == values(again.transform(data)).shape
    assert (values(given.transform(data)) == values(layer(data))).all()


def test_boundaries_are_adapted_unless_they_are_given(pipeline_of):
    import keras

    adapts, has = keras.layers.Discretization(num_bins=3), keras.layers.Discretization([0.0])
    assert pipeline_of(adapts).given() is None
    assert pipeline_of(has).given() is None
    assert len(pipeline_of(adapts).fitted(X).own.bin_boundaries) == 2
    assert list(pipeline_of(has).fitted(X).own.bin_boundaries) == [0.0]


def test_a_layer_with_its_own_statistics_is_not_adapted(pipeline_of):
    import keras

    layer = keras.layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 4.0])
    pipeline = pipeline_of(layer)
    assert pipeline.given() is None
    assert values(pipeline.fitted(X).transform(X)) == pytest.approx((X - [1, 2]) / 2, rel=1e-5)


@pytest.mark.parametrize("name", ["Rescaling", "Normalization", "StringLookup"])
def test_a_layer_is_saved_and_loaded(pipeline_of, name):
    import keras

    data = CITIES if name == "StringLookup" else X
    layer = getattr(keras.layers, name)(*([0.5] if name == "Rescaling" else []))
    fitted = pipeline_of(layer).fitted(data)
    again = fitted.reloaded(data)
    assert values(again.transform(data)) == pytest.approx(values(fitted.transform(data)))


def test_a_model_is_copied_with_its_adapted_layers(pipeline_of):
    import keras

    norm, lookup = keras.layers.Normalization(), keras.layers.Rescaling(2.0)
    norm.adapt(X)
    model = keras.Sequential([keras.Input((2,)), norm, lookup])
    fitted = pipeline_of(model).fitted(X)
    assert fitted.own is not model
    assert values(fitted.transform(X)) == pytest.approx(values(model(X)), rel=1e-5)


def test_modes_are_called_apart(pipeline_of):
    import keras

    pipeline = pipeline_of(keras.layers.Dropout(0.5)).fitted(X)
    assert values(pipeline.transform(X)) == pytest.approx(X)
    assert (values(pipeline.in_training(X)) == 0).any()


def test_a_feature_space_is_adapted_as_a_copy(pipeline_of):
    import keras

    space = keras.utils.FeatureSpace
    own = space(features={"a": space.float_normalized()}, output_mode="concat")
    fitted = pipeline_of(own).fitted({"a": X[:, 0]})
    assert pipeline_of(own).given() is None
    assert values(fitted.transform({"a": X[:, 0]})).mean() == pytest.approx(0, abs=1e-4)
    assert values(fitted.reloaded(None).transform({"a": X[:1, 0]})).shape == (1, 1)
