"""A plain network for the rows of any training."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.core.expectation import Expectation
from pytest_converge.core.stopwatch import Stopwatch
from pytest_converge.diagnosis.trials import Trials
from pytest_converge.training.interventions.plain_network import plain_network
from pytest_converge.training.interventions.rerun import Reruns
from tests.zoo.problems import fit, sequential
from tests.zoo.trainings import quiet, running

rng = np.random.default_rng(0)
X = 100 * rng.normal(size=(400, 3)).astype("float32") + 1000
SIGNAL = (X[:, 0] - 1000) / 100


def skill_on(x, y, model):
    """The skill of the plain network on the rows of a training of another model."""
    run = running(fit(model, x, y), steps=150)
    record = run.run(0)
    trials = Trials(
        Reruns(run, 0, quiet),
        Expectation(seed=0),
        budget=1e9,
        watch=Stopwatch(),
        unit=record.seconds,
    )
    change = plain_network(run.training.rows_in_memory.arrays)
    trial = trials.control(change, confirm=False)
    assert trial.passed
    return trials.records[change.change].skill


@pytest.mark.parametrize(
    ("targets", "head"),
    [
        (50_000 * SIGNAL + 300_000, layers.Dense(1)),
        (np.where(SIGNAL > 0, 2, 1), layers.Dense(1)),
        (np.eye(3, dtype="float32")[np.digitize(SIGNAL, [-0.5, 0.5])], layers.Dense(3)),
        (np.stack([SIGNAL, -SIGNAL], axis=1), layers.Dense(2)),
    ],
    ids=["real", "two values", "one-hot", "two columns"],
)
def test_targets_of_every_kind_are_learnt(targets, head):
    model = sequential(head, optimizer=optimizers.SGD(1e-9), loss="mse")
    assert skill_on(X, targets, model) > 0.5


def test_class_numbers_beside_tokens_and_amounts():
    tokens = rng.integers(0, 5, (400, 2))
    amounts, words = keras.Input((3,)), keras.Input((2,), dtype="int32")
    embedded = layers.Flatten()(layers.Embedding(5, 2)(words))
    head = layers.Dense(5, "softmax")(layers.Concatenate()([amounts, embedded]))
    model = keras.Model([amounts, words], head)
    model.compile(optimizers.SGD(1e-9), "sparse_categorical_crossentropy")
    assert skill_on([X, tokens], tokens[:, 1], model) > 0.5


def test_there_is_none_for_text_and_for_several_targets():
    text = np.array([b"a", b"b"], dtype=object)
    assert plain_network((text, np.zeros(2, "float32"))) is None
    two = {"a": np.zeros(2, "float32"), "b": np.ones(2, "float32")}
    assert plain_network((np.zeros((2, 1), "float32"), two)) is None
