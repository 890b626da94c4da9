"""The runs of a baseline: the same losses as whole runs, at a fraction of the work."""

from __future__ import annotations

import math

import keras
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.baselines.session.runs import Runs, stored_run
from tests.zoo.problems import classifier, fit, wine
from tests.zoo.trainings import running


def build():
    hidden = layers.Dropout(0.2), layers.BatchNormalization()
    return classifier(optimizers.Adam(0.01), *hidden, metrics=["accuracy"])


@pytest.fixture(scope="module")
def training():
    return running(fit(build, *wine()), steps=40, seed=3)


def test_a_bare_run_has_the_losses_of_a_whole_one(training):
    whole = training.run_from(11).curve.batch_loss
    assert training.losses_from(11) == whole
    assert training.losses_from(12) != whole


def random_weights():
    hidden = layers.Dense(8)
    model = classifier(optimizers.SGD(0.1), hidden, shape=(13,))
    hidden.kernel.assign(tf.random.normal(hidden.kernel.shape))
    return model


class Noise(layers.Layer):
    def call(self, x):
        return x + 0.1 * tf.random.normal(tf.shape(x))


def random_step():
    return classifier(optimizers.SGD(0.1), Noise(), shape=(13,))


@pytest.mark.parametrize("made", [random_weights, random_step])
def test_random_operations_of_tensorflow_are_seeded_too(made):
    training = running(fit(made, *wine()), steps=5, seed=3)
    training.losses_from(7)
    first, second = training.losses_from(8), training.losses_from(8)
    assert first == second
    assert first[0] == training.run_from(8).curve.batch_loss[0]
    assert training.loop.draws == (made is random_step)


def test_no_run_traces_again(training):
    before = training.loop.traces
    training.losses_from(5)
    assert training.loop.traces == before


def test_runs_that_were_made_are_not_made_again(training):
    record = training.run_from(20)
    runs = Runs(training, [record])
    first, second = runs(0), runs(1)
    assert (first.seed, second.seed) == (20, 21)
    assert first.losses == record.curve.batch_loss
    assert second.losses == training.losses_from(21)
    assert first.steps == tuple(range(1, 41))
    logs = list(map(math.log, first.losses))
    assert first.scores == pytest.approx((sum(logs) / 40, sum(logs[20:]) / 20), rel=1e-8)


@pytest.mark.parametrize(("metric", "higher"), [("loss", False), ("accuracy", True)])
def test_a_metric_is_measured_in_every_run(training, metric, higher):
    record = training.run_from(30)
    runs = Runs(training, [record], metric=metric, higher_is_better=higher)
    value = record.curve.last if metric == "loss" else record.metrics["accuracy"]
    assert runs(0).scores == pytest.approx((-value if higher else value,))
    again = training.run_from(31)
    value = again.curve.last if metric == "loss" else again.metrics["accuracy"]
    assert runs(1).scores == pytest.approx((-value if higher else value,))


def test_seeds_wrap_around(training):
    record = training.run_from(2**32 - 1)
    assert Runs(training, [record])(1).seed == 0


@pytest.mark.parametrize("losses", [(1.0, 0.5), (1.0, math.nan), (1.0, math.inf)])
def test_a_run_that_ended_early_has_the_worst_scores(losses):
    run = stored_run(1, losses, 3)
    assert run.scores == (math.inf, math.inf)
    assert run.steps == (1, 2)


def test_a_whole_run_that_is_finite_has_scores():
    assert stored_run(1, (1.0, 1.0), 2).scores == (0.0, 0.0)


def test_a_run_that_a_callback_ended_is_whole():
    stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=0.2)
    training = running(fit(build, *wine(), callbacks=[stop]), steps=60, seed=3)
    first = training.run(3)
    assert first.curve.updates < 60
    runs = Runs(training, [first])
    for number in range(2):
        stored = runs(number)
        assert all(map(math.isfinite, (*stored.scores, *stored.losses)))
        assert stored.steps[-1] < 60
