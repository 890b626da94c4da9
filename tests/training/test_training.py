"""What every training can do by itself, shown by one of the least ability."""

from __future__ import annotations

import types

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.training import EndMeasures, Training


class Least(Training):
    """Two variables and a step; nothing that a training may leave out."""

    verb = "step"

    def __init__(self):
        self.w, self.count = tf.Variable([1.0, 2.0], name="w"), tf.Variable(0)

    @property
    def trainable(self):
        return [self.w]

    @property
    def transient(self):
        return [self.count]

    def step(self, batch):
        self.count.assign_add(1)
        self.w.assign(self.w * batch)
        return tf.reduce_sum(self.w)


def test_what_a_training_leaves_out_it_says_by_having_none():
    training = Least()
    assert training.verify() is None
    assert training.finish() is None
    assert training.probe_chunks() == (0, 0)
    assert training.chunks(5) == []
    assert training.measure_end([]) == EndMeasures()
    assert training.metric_directions() == {"loss": False}
    assert (training.nonfinite_data(), training.constant_columns()) == ((), ())
    assert training.reseeded(1) is None
    assert training.seed_state == []
    assert not training.is_recurrent
    assert not training.optimizer_is_ours
    with pytest.raises(NotImplementedError):
        training.with_optimizer(None)


def test_its_state_is_every_variable_once_and_can_be_put_back():
    training = Least()
    slot = tf.Variable(3.0)
    training.optimizers = (types.SimpleNamespace(variables=[slot, training.w]),)
    training.touched = [training.count]
    assert [id(v) for v in training.state()] == [id(training.w), id(training.count), id(slot)]
    before = training.snapshot()
    training.bare_step(2.0)
    assert training.w.numpy().tolist() == [2.0, 4.0]
    before.restore()
    assert (training.w.numpy().tolist(), int(training.count)) == ([1.0, 2.0], 0)


def test_rates_and_release_reach_every_optimizer():
    calls = []
    optimizer = types.SimpleNamespace(
        set_learning_rate_factor=calls.append, release=lambda: calls.append("released")
    )
    training = Least()
    training.optimizers = (optimizer, optimizer)
    training.set_learning_rate_factor(0.5)
    training.release()
    assert calls == [0.5, 0.5, "released", "released"]


def test_weights_that_are_not_finite_are_named():
    training = Least()
    assert training.nonfinite_weights() is None
    training.w.assign([1.0, np.inf])
    assert training.nonfinite_weights() == "w"


def test_whole_numbers_are_finite():
    training = Least()
    training.w = tf.Variable([1, 2])
    assert training.nonfinite_weights() is None


def test_nothing_is_traced_anew_by_default():
    with Least().traced_anew() as nothing:
        assert nothing is None
