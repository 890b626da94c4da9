"""Outputs that suit loss and targets."""

from __future__ import annotations

import types

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.interventions import (
    outputs,
)
from tests.training.interventions.trainings import STEPS, binary
from tests.zoo.problems import BINARY, SPARSE, sequential
from tests.zoo.trainings import running


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((-1.0, 1.0), "labels {0, 1} instead of {-1, 1}"),
        ((1.0, 2.0), "labels {0, 1} instead of {1, 2}"),
    ],
)
def test_labels_that_a_crossentropy_cannot_read(labels, said):
    start = binary(labels)
    model = running(start, steps=STEPS).training.model
    changes = [c.change for c in outputs.for_targets(model, {"y": start.arguments["y"]})]
    assert said in changes
    assert "output with sigmoid" in changes


def of_ones_own(y, p):
    return keras.ops.mean((y - p) ** 2, axis=-1)


@pytest.mark.parametrize(
    ("head", "loss", "y", "said"),
    [
        (layers.Dense(3, "softmax"), "mse", [[0], [1], [2]], "labels one-hot over 3 classes"),
        (layers.Dense(1, "tanh"), "mse", [[0.5], [7.1], [2.2]], "output with no activation"),
        (layers.Dense(1, "relu"), "mae", [[-0.5], [7.1], [2.2]], "output with no activation"),
        (layers.Dense(3), SPARSE, [0, 1, 2], "output with softmax"),
        (
            layers.Dense(1, "sigmoid"),
            BINARY,
            [[-0.7], [1.3], [-2.0]],
            "output with no activation, loss MeanSquaredError",
        ),
        (layers.Dense(1), "poisson", [[0], [3], [1]], "output with exponential"),
        (layers.Dense(2, "relu"), "kl_divergence", [[0.2, 0.8]], "output with softmax"),
        (layers.Dense(1), "mse", [[0, 1], [1, 0]], "labels in one column instead of one-hot rows"),
        (layers.Dense(2, "softmax"), of_ones_own, [[1, 1], [0, 1]], "output with sigmoid"),
    ],
    ids=["column", "tanh", "relu", "logits", "amounts", "rates", "shares", "two", "several"],
)
def test_what_output_and_loss_invite(head, loss, y, said):
    model = sequential(head, optimizer="sgd", loss=loss, shape=(2,))
    changes = outputs.for_targets(model, {"y": np.array(4 * y, "float32")})
    assert said in [change.change for change in changes]


@pytest.mark.parametrize(
    ("head", "loss", "y"),
    [
        (layers.Dense(3, "softmax"), SPARSE, [0, 1, 2]),
        (layers.Dense(1), "mse", [[0.5], [7.1], [2.2]]),
        (layers.Dense(1, "softplus"), "poisson", [[0], [3], [1]]),
        (layers.Dense(1, "sigmoid"), BINARY, [[0], [1], [1]]),
        (layers.Dense(3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), [0, 1, 2]),
    ],
    ids=["classes", "numbers", "rates", "two classes", "logits"],
)
def test_an_output_that_fits_invites_nothing(head, loss, y):
    model = sequential(head, optimizer="sgd", loss=loss, shape=(2,))
    assert outputs.for_targets(model, {"y": np.array(4 * y, "float32")}) == []


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([[1, 0], [0, 1]], "one-hot"),
        ([[1, 1], [0, 1]], "labels"),
        ([[1, 1], [0, 0.5]], "real"),
        ([[3], [9], [3]], "two values"),
        ([[0], [1], [2]], "classes"),
        ([[0.5], [1.5], [2]], "real"),
        ([[np.nan], [1], [2]], "real"),
    ],
)
def test_kinds_of_targets(y, kind):
    assert outputs.kind_of(np.array(4 * y, "float32")) == kind


def two_heads(keys):
    """Outputs by names that are not those of their layers, under losses of one kind each."""
    inputs = keras.Input((2,))
    parts = layers.Dense(1, "sigmoid", name="a")(inputs), layers.Dense(1, name="b")(inputs)
    model = keras.Model(inputs, dict(zip(keys, parts, strict=True)))
    model.compile("sgd", dict(zip(keys, ("binary_crossentropy", "mse"), strict=True)))
    return model


def test_several_outputs_are_asked_by_their_names():
    targets = {"y['z']": np.array([[-0.7], [1.3], [-2.0]]), "y['c']": np.array([[0], [1], [1]])}
    both, first, second = outputs.for_targets(two_heads(("z", "c")), targets)
    assert (first.where, second.where, both.where) == (("a",), ("b",), ("a", "b"))
    assert both.fault == "the losses of z and c are exchanged"


def test_changes_of_two_losses_at_once_keep_each_other():
    model = two_heads(("z", "c"))
    targets = {"y['z']": np.array([[-0.7], [1.3], [-2.0]]), "y['c']": np.array([[0], [1], [1]])}
    _, first, second = outputs.for_targets(model, targets)
    training = types.SimpleNamespace(model=model)
    with first.combined(second).variant(training):
        assert {key: type(loss).__name__ for key, loss in model.loss.items()} == {
            "z": "MeanSquaredError",
            "c": "BinaryCrossentropy",
        }
