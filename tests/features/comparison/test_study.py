"""Pipelines compared by real trainings."""

from __future__ import annotations

import functools
import random

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge import InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from pytest_converge.features.comparison.study import compared_pipelines
from pytest_converge.runner import Context
from tests.zoo.problems import wine
from tests.zoo.trainings import NoHooks, quiet

Z, Y = wine()
RAW = Z * np.geomspace(0.5, 100, 13) + 3.0


def build(shape=(13,)):
    model = keras.Sequential(
        [keras.Input(shape), layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
    )
    model.compile(optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return model


def compared(pipelines, judged="ours", make=build, tolerance=1.0, **expectation):
    expected = Expectation(**{"seed": 0, "steps": 60, **expectation})
    context = Context(test="test", number=1, expectation=expected, hooks=NoHooks(), progress=quiet)
    return compared_pipelines(
        context, make, pipelines, Y, judged=judged, tolerance=tolerance, batch_size=32
    )


def test_the_same_features_train_the_same():
    study = compared({"raw": RAW, "ours": (RAW - RAW.mean(axis=0)) / RAW.std(axis=0)})
    assert study.passed
    assert study["ours"].factors == pytest.approx((1.0, 1.0, 1.0), rel=0.01)
    assert study["raw"].factor > 2
    assert study.target == pytest.approx(study.reference.final_loss)
    assert study.exchanges == ()


def test_the_broken_columns_are_named():
    broken = Z.copy()
    broken[:, 3] *= 50
    broken[:, 7] += 30
    study = compared({"raw": RAW, "ours": broken}, max_loss=0.2)
    assert not study.passed
    assert set(study.culprits) == {"x[:, 3]", "x[:, 7]"}
    assert study.mended < 2
    assert study.reference.step < 60
    assert study["ours"].step is None


def test_pipelines_of_other_widths_are_judged_but_not_exchanged():
    def sized(shape):
        return build(shape)

    study = compared({"raw": RAW, "ours": np.ones((len(Y), 2))}, make=sized)
    assert not study.passed
    assert study.obstacle == "ours has other columns than raw"
    assert study["ours"].width == 2


def test_another_pipeline_may_be_judged():
    study = compared({"raw": RAW, "ours": Z}, judged="raw")
    assert not study.passed
    assert study.judged_run.name == "raw"


def test_widths_that_a_fixed_model_cannot_take_are_refused():
    with pytest.raises(InvalidTrainingError, match=r"^got features of the shapes \(2,\), \(13,\)"):
        compared({"raw": RAW, "ours": RAW[:, :2]}, make=functools.partial(build, (13,)))


def test_the_random_state_is_put_back():
    before = random.getstate()
    compared({"raw": RAW, "ours": Z}, steps=20)
    assert random.getstate() == before


def test_models_from_a_cache_are_refused():
    cached = functools.cache(build)
    with pytest.raises(InvalidTrainingError, match="the same variable again"):
        compared({"raw": RAW, "ours": Z}, make=cached, steps=3)


def test_one_layer_in_the_models_of_two_shapes_is_refused():
    shared = layers.Dense(3, "softmax")

    def make(shape):
        model = keras.Sequential([keras.Input(shape), layers.Dense(8), shared])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    with pytest.raises(InvalidTrainingError, match="the same variable again"):
        compared({"raw": RAW, "ours": Z[:, :9]}, make=make, steps=3)
