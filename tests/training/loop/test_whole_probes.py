"""A rise on a part of the probe set is looked at on the whole of it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.loop.whole_probes import can_be_seen_again, seen_on_whole
from tests.zoo.problems import fit, minimize
from tests.zoo.trainings import running

STEPS = 64


def rare(rows):
    """A class of three rows in a hundred, whose weights make it as heavy as the other one."""
    rng = np.random.default_rng(0)
    y = (rng.random(rows) < 0.03).astype("int32")
    x = (rng.normal(size=(rows, 4)) + y[:, None]).astype("float32")
    weights = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean())).astype("float32")

    def build():
        model = keras.Sequential([keras.Input((4,)), layers.Dense(1, "sigmoid")])
        model.compile(optimizers.Adam(0.01), "binary_crossentropy")
        return model

    return build, x, y, weights


def made(rows=1024, **arguments):
    build, x, y, weights = rare(rows)
    return running(fit(build, x, y, sample_weight=weights, **arguments), steps=STEPS)


def test_the_run_is_repeated_and_every_checkpoint_sees_all_rows():
    run = made(batch_size=8)
    record = run.run(0)
    end = [variable.numpy() for variable in run.training.trainable]
    again = seen_on_whole(run, record)
    assert again is not None
    assert again.curve.batch_loss == record.curve.batch_loss
    assert again.curve.checkpoints == record.curve.checkpoints
    # A part of 64 rows has another loss at the start than all of them.
    assert record.curve.probe_loss[0] != record.curve.initial_loss
    assert again.curve.probe_loss[0] == again.curve.initial_loss == record.curve.initial_loss
    assert again.curve.probe_loss[-1] == again.curve.final_loss == record.curve.final_loss
    assert again.traces == record.traces
    for variable, value in zip(run.training.trainable, end, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    run.training.release()


def test_a_run_from_another_start_is_repeated_from_there():
    run = made(batch_size=8)
    kernel = run.training.trainable[0]
    start = {id(kernel): np.ones_like(kernel.numpy())}
    record = run.run(0, start=start)
    assert seen_on_whole(run, record) is None
    again = seen_on_whole(run, record, start)
    assert again is not None
    assert again.curve.batch_loss == record.curve.batch_loss
    run.training.release()


def test_a_run_with_other_losses_the_second_time_is_left_as_it_was(monkeypatch):
    run = made(batch_size=8)
    record = run.run(0)
    kernel = run.training.trainable[0]
    end = kernel.numpy()
    restart = type(run).restart

    def elsewhere(self, values=None):
        restart(self, values)
        kernel.assign_add(np.ones_like(end))

    monkeypatch.setattr(type(run), "restart", elsewhere)
    assert seen_on_whole(run, record) is None
    np.testing.assert_array_equal(kernel.numpy(), end)
    run.training.release()


@pytest.mark.parametrize(
    "arguments",
    [{"rows": 60, "batch_size": 8}, {"batch_size": 8, "callbacks": [keras.callbacks.Callback()]}],
    ids=["all rows were seen", "callbacks"],
)
def test_nothing_is_repeated_that_need_not_or_cannot_be(arguments):
    run = made(**arguments)
    record = run.run(0)
    assert seen_on_whole(run, record) is None
    assert can_be_seen_again(run) == ("callbacks" not in arguments)
    run.training.release()


@pytest.mark.parametrize("rows", [60, 1024], ids=["all rows were seen", "a part was seen"])
def test_few_checkpoints_change_nothing_else_and_are_seen_again_with_all(rows):
    run = made(rows=rows, batch_size=8)
    record = run.run(0)
    run.restart()
    sparse = run.with_sparse_probes()
    few = sparse.run(0)
    assert few.traces == 0
    assert few.curve.batch_loss == record.curve.batch_loss
    assert (few.curve.first, few.curve.last) == (record.curve.first, record.curve.last)
    known = dict(record.curve.course)
    assert len(few.curve.checkpoints) == 9 < len(known)
    assert all(known[at] == loss for at, loss in few.curve.course)
    again = seen_on_whole(sparse, few)
    assert again is not None
    assert again.curve.checkpoints == record.curve.checkpoints
    assert again.curve.batch_loss == record.curve.batch_loss
    run.training.release()


def test_losses_that_are_known_without_a_checkpoint_stay_known():
    weight = tf.Variable(3.0)
    start = minimize(lambda: weight**2, [weight], optimizers.SGD(0.01))
    run = running(start, steps=STEPS)
    record = run.run(0)
    run.restart()
    few = run.with_sparse_probes().run(0)
    assert few.curve == record.curve
    run.training.release()
