"""A step outside of any graph, with every operation that it made."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.measures.recording import recorded
from tests.measured import left_alone
from tests.training.measures.steps import own_step, regression
from tests.zoo.problems import HEALTHY, minimize, step
from tests.zoo.trainings import training_of

PROBLEMS = {problem.name: problem for problem in HEALTHY}


def recording_of(start):
    training = training_of(start)
    return recorded(training, training.first_batch())


@pytest.mark.parametrize("name", ["lstm", "batch_norm", "vae", "quadratic", "compiled_step"])
def test_a_recording_changes_nothing(name):
    training = training_of(PROBLEMS[name].start(0))
    eager, gradient = tf.config.functions_run_eagerly(), tf.GradientTape.gradient
    with left_alone(training):
        recording = recorded(training, training.first_batch())
    assert recording.operations
    assert tf.config.functions_run_eagerly() == eager
    assert tf.GradientTape.gradient is gradient


def test_operations_are_those_of_their_layers_and_of_the_loss():
    recording = recording_of(regression(layers.Dense(3, "relu"), layers.Dense(1)))
    forward = [(each.kind, each.layer) for each in recording.operations if not each.backward]
    kinds = dict(forward)
    assert kinds["Relu"] in {"dense", kinds["Relu"]}
    assert kinds["Relu"].startswith("dense")
    assert next(layer for kind, layer in forward if kind in ("SquaredDifference", "Square")) == ""
    assert any(each.kind == "ReluGrad" and each.backward for each in recording.operations)


def test_a_gradient_is_noted_with_its_loss_and_its_variables():
    (found,) = recording_of(own_step(keras.losses.mean_squared_error)).differentiations
    assert [tuple(v.shape) for v in found.sources] == [(4, 1), (1,)]
    assert found.reached == (True, True)
    assert found.zero == (False, False)
    assert len(found.gradients) == 2
    assert found.others == ()
    assert len(found.targets) == 1


def test_what_the_user_compiled_is_recorded_too():
    w, optimizer = tf.Variable(1.0), optimizers.SGD(0.1)

    @tf.function
    def square():
        return w**2

    recording = recording_of(minimize(square, [w], optimizer))
    assert "Pow" in {each.kind for each in recording.operations}


@pytest.mark.parametrize("anew", [False, True])
def test_optimizers_that_a_step_makes_are_noted(anew):
    w, kept = tf.Variable(np.ones(2, "float32")), optimizers.Adam(0.1)

    def train_step():
        optimizer = optimizers.Adam(0.2) if anew else kept
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(w**2)
        optimizer.apply([tape.gradient(loss, w)], [w])
        return loss

    training = training_of(step(train_step, variables=[w]))
    with left_alone(training):
        recording = recorded(training, None)
    assert [type(each).__name__ for each in recording.made] == ["Adam"] * anew


def test_a_call_of_a_layer_is_noted_with_its_mode():
    calls = recording_of(regression(layers.BatchNormalization(), layers.Dense(1))).calls
    (call,) = [each for each in calls if isinstance(each.layer, layers.BatchNormalization)]
    assert call.training is True
    assert tuple(call.inputs[0].shape) == (32, 4)
