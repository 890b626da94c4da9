"""The best constant prediction under losses with and without a formula."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, ops

from pytest_converge.training.measures import best_constant as module
from pytest_converge.training.measures.best_constant import best_constant, with_fitted_constant
from tests.checks.curves import record_of
from tests.zoo.problems import BINARY, fit, linear, sequential
from tests.zoo.trainings import running


def squares(y, predictions):
    return ops.mean(ops.square(y - predictions))


def distances(y, predictions):
    return ops.mean(ops.abs(y - predictions))


def entropy(y, predictions):
    p = ops.clip(predictions, 1e-6, 1 - 1e-6)
    return -ops.mean(y * ops.log(p) + (1 - y) * ops.log(1 - p))


def contrastive(y, distance):
    return ops.mean(y * distance**2 + (1 - y) * ops.maximum(1 - distance, 0) ** 2)


def training(y, loss, head="sigmoid"):
    x, _ = linear(0, rows=len(y))
    model = sequential(layers.Dense(y.shape[1], head), optimizer="sgd", loss=loss, shape=(4,))
    return running(fit(model, x, y), steps=2).training


LABELS = (np.arange(200) % 5 == 0).astype("float32")[:, None]
AMOUNTS = (30 + 8 * np.random.default_rng(0).normal(size=(200, 2))).astype("float32")
ENTROPY = -(0.2 * np.log(0.2) + 0.8 * np.log(0.8))


@pytest.mark.parametrize(
    ("y", "loss", "head", "least"),
    [
        (AMOUNTS, squares, None, AMOUNTS.var(axis=0).mean()),
        (AMOUNTS, "mse", None, AMOUNTS.var(axis=0).mean()),
        (AMOUNTS, distances, None, np.abs(AMOUNTS - np.median(AMOUNTS, axis=0)).mean()),
        (LABELS, entropy, "sigmoid", ENTROPY),
        (LABELS, BINARY, "sigmoid", ENTROPY),
        (LABELS, contrastive, "sigmoid", 0.16),
    ],
    ids=["squares", "closed form", "distances", "entropy", "cross-entropy", "contrastive"],
)
def test_a_loss_without_a_formula_is_fitted(y, loss, head, least):
    found = best_constant(training(y, loss, head))
    assert found.constant == pytest.approx(float(least), rel=0.01)
    assert found.least == pytest.approx(0.0, abs=1e-5)


def test_nothing_of_the_training_changes():
    trained = training(LABELS, contrastive)
    before = [v.numpy().tolist() for v in trained.state()]
    best_constant(trained)
    assert [v.numpy().tolist() for v in trained.state()] == before


def test_the_entropy_of_soft_labels_cannot_be_removed():
    shares = np.random.default_rng(0).uniform(0.1, 0.9, (200, 1)).astype("float32")
    found = best_constant(training(shares, BINARY))
    own = -(shares * np.log(shares) + (1 - shares) * np.log(1 - shares)).mean()
    assert found.least == pytest.approx(float(own), rel=1e-3)
    record = with_fitted_constant(record_of([1.0, found.least + 0.01]), training(shares, BINARY))
    assert record.skill == pytest.approx(1 - 0.01 / (found.constant - found.least), rel=1e-2)


def test_where_a_constant_is_as_good_as_it_gets_nothing_is_better():
    """Labels of -1 give this loss no bottom at 0: a constant distance of 1 has none to lose."""
    found = best_constant(training(2 * (np.arange(200) % 2)[:, None] - 1.0, contrastive))
    record = with_fitted_constant(
        record_of([1.0, -0.1]), training(2 * (np.arange(200) % 2)[:, None] - 1.0, contrastive)
    )
    assert found.constant == pytest.approx(0.0, abs=1e-3)
    assert record.skill is None or record.skill < 0


def test_several_outputs_have_one_constant_each():
    x, _ = linear(0, rows=200)
    inputs = keras.Input((4,))
    heads = {
        "kind": layers.Dense(2, "softmax")(inputs),
        "amount": layers.Dense(1)(inputs),
    }
    model = keras.Model(inputs, heads)
    model.compile("sgd", {"kind": "sparse_categorical_crossentropy", "amount": "mse"})
    y = {"kind": LABELS[:, 0].astype(int), "amount": AMOUNTS[:, :1]}
    found = best_constant(running(fit(model, x, y), steps=2).training)
    assert found.constant == pytest.approx(float(ENTROPY + AMOUNTS[:, 0].var()), rel=0.01)


def test_too_many_numbers_a_row_are_left_alone(monkeypatch):
    monkeypatch.setattr(module, "MOST_NUMBERS", 1)
    assert best_constant(training(AMOUNTS, squares, None)) is None
