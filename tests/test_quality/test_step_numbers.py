"""Runs of several lengths from one start, each as a run of its own would be."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.test_quality.step_numbers import RunsOfLengths, can_go_on
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.loop.run import TrainingRun
from tests.zoo.problems import classifier, fit, minimize, sequential, wine
from tests.zoo.trainings import quiet, recorded, running, training_of

SGD = optimizers.SGD
NOTHING = Intervention(code="", change="nothing")
STOPS = [5, 20, 40]


def built(optimizer=None):
    """A model with random and averaging layers and a probe set."""

    def build():
        hidden = [layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.2)]
        return classifier(optimizer() if optimizer else SGD(0.1), *hidden)

    return fit(build, *wine())


def averaged():
    return built(lambda: optimizers.Adam(0.05, use_ema=True, ema_overwrite_frequency=None))


def descent(rate=0.05):
    def parts():
        w = tf.Variable(tf.random.normal([3]))
        return lambda: tf.reduce_sum((w - 1) ** 2), [w], SGD(rate)

    return minimize(parts)


def stateful():
    """A recurrent state that lasts has no probe set: batch losses are judged."""
    x = np.random.default_rng(0).normal(size=(32, 4, 1)).astype("float32")

    def build():
        recurrent = layers.SimpleRNN(3, stateful=True)
        model = keras.Sequential([keras.Input(batch_shape=(8, 4, 1)), recurrent, layers.Dense(1)])
        model.compile(SGD(0.05), "mse")
        return model

    return fit(build, x, x.sum(axis=1), batch_size=8, shuffle=False)


def on_the_way(start, *, number=0, change=NOTHING, stops=STOPS, steps=20, factor=2):
    run = running(start, steps=steps, seed=7)
    run.run(7)
    lengths = RunsOfLengths(run, 7, quiet, factor=factor)
    with lengths.records(change, stops) as records:
        return [record.curve.last for record in records(number)]


@pytest.mark.parametrize("start", [built, averaged, descent, stateful], ids=lambda s: s.__name__)
def test_each_loss_is_the_one_that_a_run_of_so_many_steps_is_judged_by(start):
    found = on_the_way(start())
    own = [recorded(start(), steps=steps, seed=7).curve.last for steps in STOPS]
    assert found == pytest.approx(own, rel=1e-4)


def test_another_start_has_its_own_weights_and_batches_at_every_stop():
    found = on_the_way(built(), number=2, stops=STOPS[1:])
    own = []
    for steps in STOPS[1:]:
        run = running(built(), steps=steps, seed=7)
        run.run(7)  # its first probe decides what dropout leaves out in all others
        own.append(run.run_from(9).curve.last)
    assert found == pytest.approx(own, rel=1e-4)


def test_a_change_holds_at_every_stop():
    half = Intervention(code="", change="half", rate_factor=0.5)
    found = on_the_way(descent(), change=half, stops=[1, 2])
    slower = on_the_way(descent(0.025), stops=[1, 2])
    assert found == pytest.approx(slower, rel=1e-5)


def test_progress_is_told_of_every_number_of_steps():
    told = []
    training = training_of(descent(), steps=4, seed=0)
    run = TrainingRun(training, 4, lambda *said: told.append(said[:2]))
    run.run(0)
    told.clear()
    lengths = RunsOfLengths(run, 0, quiet, factor=2)
    with lengths.records(NOTHING, [2, 8]) as records:
        assert [record.curve.updates for record in records(0)] == [2, 8]
    assert (2, 2) in told
    assert (8, 8) in told


def test_batches_that_cannot_be_listed_begin_again_as_well():
    assert can_go_on(running(descent(), steps=2))
    assert can_go_on(running(built(), steps=2))
    ragged = tf.data.Dataset.from_generator(
        lambda: ((np.ones((n, n)), np.ones((n, 1))) for n in range(1, 9)),
        output_types=("float32", "float32"),
        output_shapes=((None, None), (None, 1)),
    )
    model = sequential(
        layers.Lambda(lambda x: x[:, :1]), layers.Dense(1), optimizer=SGD(0.1), loss="mse"
    )
    changing = running(fit(model, ragged), steps=3)
    assert can_go_on(changing)
    changing.run(0)
    lengths = RunsOfLengths(changing, 0, quiet, factor=3)
    with lengths.records(NOTHING, [2, 9]) as records:
        assert [record.curve.updates for record in records(0)] == [2, 9]


def test_longer_batches_of_another_start_begin_with_its_own():
    run = running(fit(lambda: classifier(SGD(0.1)), *wine()), steps=10)
    other = run.training.data.reshuffled(5)
    longer = other.prolonged(20)
    first, order = other.order.whole()[0], longer.order.whole()[0]
    np.testing.assert_array_equal(order[: len(first)], first)
    assert longer.steps == 20
    assert not np.array_equal(order, run.training.data.prolonged(20).order.whole()[0])
