"""How much of the gradient reaches each step of what a recurrent layer reads."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.measures.time_gradients import faint_steps, gradients_by_step
from tests.zoo.problems import fit
from tests.zoo.trainings import training_of


class Reader(keras.Model):
    """A model of a class of its own."""

    def __init__(self, cell):
        super().__init__()
        self.reader, self.head = cell, layers.Dense(1)

    def call(self, x):
        return self.head(self.reader(x))


def gradients(reader, *, subclassed=False):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 40, 3)).astype("float32")
    parts = [keras.Input((40, 3)), reader, layers.Dense(1)]
    model = Reader(reader) if subclassed else keras.Sequential(parts)
    model.compile("sgd", "mse")
    training = training_of(fit(model, x, x[:, 0, :1]))
    before = [np.asarray(v) for v in model.variables]
    (norms,) = gradients_by_step(training).values()
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))
    assert norms.shape == (40,)
    return norms / norms.max()


@pytest.mark.parametrize("kind", [layers.SimpleRNN, layers.LSTM, layers.GRU])
@pytest.mark.parametrize("subclassed", [False, True])
def test_the_first_steps_get_the_least(kind, subclassed):
    norms = gradients(kind(8), subclassed=subclassed)
    assert norms[0] < 0.02
    assert norms[-1] > 0.3


def test_backwards_the_last_steps_get_the_least():
    norms = gradients(layers.GRU(8, go_backwards=True))
    assert norms[-1] < 1e-3
    assert norms[0] > 0.3


def test_in_both_directions_both_ends_get_one():
    norms = gradients(layers.Bidirectional(layers.GRU(8)))
    assert min(norms[0], norms[-1]) > 0.3


def test_without_a_recurrent_layer_there_is_nothing_to_measure():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 3), "float32")
    assert gradients_by_step(training_of(fit(model, x, x[:, :1]))) == {}


def told(where, *, steps=80):
    """What is found of a layer that hardly learns from the first steps, where some tell."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = 0.5 * rng.normal(size=(300, steps, 2)).astype("float32")
    y = rng.integers(0, 2, (300, 1)).astype("float32")
    for step in where:
        x[:, step, 0] = 2 * y[:, 0] - 1
    parts = [keras.Input((steps, 2)), layers.SimpleRNN(8), layers.Dense(1, "sigmoid")]
    model = keras.Sequential(parts)
    model.compile("sgd", "binary_crossentropy")
    return faint_steps(training_of(fit(model, x, y)))


def test_steps_without_a_gradient_that_decide_on_the_targets_are_found():
    found = told([0])
    assert found.first
    assert 0 < found.count < found.steps == 80
    assert found.ratio < 1e-3


@pytest.mark.parametrize(("where", "steps"), [([-1], 80), ([0, -1], 80), ([], 80), ([0], 5)])
def test_where_others_tell_as_much_or_nothing_does_it_is_no_fault(where, steps):
    assert told(where, steps=steps) is None
