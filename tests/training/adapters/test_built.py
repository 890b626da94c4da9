"""Builders that return again what they returned before."""

from __future__ import annotations

import functools
import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge import runner
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from pytest_converge.training.adapters.built import Built, updated
from tests.diagnosis.programs import result_of
from tests.zoo.problems import fit, minimize
from tests.zoo.trainings import NoHooks, failing, judged, quiet, running

X = np.linspace(-1, 1, 64).reshape(-1, 1).astype("float32")
Y = 2 * X + 1
AGAIN = r"got a builder that returned the same variable again \('.+'\); expected .*do not cache"


def model(hidden=None, optimizer=None):
    parts = [keras.Input((1,)), hidden or layers.Dense(4), layers.Dense(1)]
    made = keras.Sequential(parts)
    made.compile(optimizer or optimizers.Adam(0.01), "mse")
    return made


def cached():
    return functools.cache(model)


def of_a_global():
    only = model()
    return lambda: only


def with_a_layer_of_its_own():
    shared = layers.Dense(4)
    return lambda: model(hidden=shared)


def with_one_optimizer():
    shared = optimizers.SGD(0.01)
    return lambda: model(optimizer=shared)


def one_after_the_first():
    """The first start is new, and all others are one."""
    later, calls = model(), iter((model(),))
    return lambda: next(calls, later)


def without_input_shape():
    shared = layers.Dense(4)

    def build():
        made = keras.Sequential([shared, layers.Dense(1)])
        made.compile("sgd", "mse")
        return made

    return build


SHARING = [
    cached,
    of_a_global,
    with_a_layer_of_its_own,
    with_one_optimizer,
    one_after_the_first,
    without_input_shape,
]


@pytest.mark.parametrize("make", SHARING)
def test_a_model_that_shares_what_is_trained_with_an_earlier_one_is_refused(make):
    with pytest.raises(InvalidTrainingError, match=AGAIN):
        judged(fit(make(), X, Y), seeds=3, steps=3, max_loss=100)


def test_one_start_may_come_from_a_cache():
    assert judged(fit(cached(), X, Y), steps=3, max_loss=100).passed


def shared_variable():
    w = tf.Variable(3.0)
    return lambda: ((lambda: w**2), [w], optimizers.SGD(0.1))


def shared_keras_variable():
    w = keras.Variable(3.0)
    return lambda: ((lambda: w.value**2), [w], optimizers.SGD(0.1))


def shared_slots():
    optimizer = tf.compat.v1.train.MomentumOptimizer(0.1, 0.5)

    def build():
        w = tf.Variable(3.0)
        return (lambda: w**2), [w], optimizer

    return build


@pytest.mark.parametrize("make", [shared_variable, shared_keras_variable, shared_slots])
def test_variables_and_slots_of_an_earlier_call_are_refused(make):
    with pytest.raises(InvalidTrainingError, match=AGAIN):
        judged(minimize(make()), seeds=2, steps=3)


def test_what_no_update_changes_may_be_shared():
    scaled = layers.Normalization(axis=-1)
    scaled.adapt(X)
    frozen = layers.Dense(4, trainable=False)
    error = keras.metrics.MeanAbsoluteError()

    def build():
        made = keras.Sequential([keras.Input((1,)), scaled, frozen, layers.Dense(1)])
        made.compile("sgd", "mse", metrics=[error])
        return made

    assert len(judged(fit(build, X, Y), seeds=3, steps=3, max_loss=100).runs) == 3


def test_the_runs_of_a_baseline_need_starts_of_their_own():
    run = running(fit(cached(), X, Y), steps=3)
    with pytest.raises(InvalidTrainingError, match=AGAIN):
        run.losses_from(1)


@pytest.mark.parametrize("asked", ["power", "calibrate"])
def test_other_starts_that_an_option_needs_are_refused(asked):
    context = runner.Context(
        test="test",
        number=1,
        expectation=Expectation(seed=0, steps=3, max_loss=100),
        hooks=NoHooks(),
        progress=quiet,
        **{asked: True},
    )
    with pytest.raises(InvalidTrainingError, match=AGAIN):
        runner.run(context, fit(cached(), X, Y).call)


def test_the_diagnosis_of_a_failure_goes_on_without_other_starts():
    result = result_of(fit(cached(), X, Y), steps=20, max_loss=1e-6)
    assert failing(result) == {"target-missed"}
    assert result.diagnosis is not None
    assert result.diagnosis.tried


def test_a_variable_that_is_gone_is_not_mistaken_for_a_new_one():
    built = Built()
    for _ in range(50):
        variable = tf.Variable(1.0)
        built.require_new([variable])
        built.keep([variable])
        del variable
        gc.collect(0)


def test_an_optimizer_may_be_missing():
    assert updated([1], None) == [1]
