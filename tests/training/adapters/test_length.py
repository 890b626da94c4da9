"""Epochs of data of every kind as updates."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge import InvalidTrainingError
from pytest_converge.core.calls import FitCall, StepCall
from pytest_converge.training.adapters.length import steps_per_epoch, updates_of
from tests.zoo.problems import fit, linear, sequential
from tests.zoo.trainings import judged, training_of

X, Y = linear(0, rows=100)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return X[:8], Y[:8]


def endless():
    while True:
        yield X[:8], Y[:8]


def dataset():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(30)


SOURCES = {
    "arrays": (lambda: {"x": X, "y": Y}, 4),
    "arrays of a batch size": (lambda: {"x": X, "y": Y, "batch_size": 10}, 10),
    "a dict": (lambda: {"x": {"a": X, "b": X}, "y": Y}, 4),
    "a list of rows": (lambda: {"x": X.tolist(), "y": Y}, 4),
    "arrays with rows held out": (lambda: {"x": X, "y": Y, "validation_split": 0.5}, 2),
    "a dataset": (lambda: {"x": dataset()}, 4),
    "a dataset of unknown size": (lambda: {"x": dataset().filter(lambda x, y: True)}, 4),
    "a dataset without end": (lambda: {"x": dataset().repeat()}, None),
    "a PyDataset": (lambda: {"x": Batches()}, 6),
    "a generator": (lambda: {"x": endless()}, None),
}


@pytest.mark.parametrize("name", SOURCES)
def test_an_epoch_is_one_pass_over_the_data(name):
    make, batches = SOURCES[name]
    call = FitCall(model=None, epochs=3, **make())
    if batches is None:
        with pytest.raises(InvalidTrainingError, match=r"got epochs=3 .* expected steps_per_epoch"):
            updates_of(call)
    else:
        assert updates_of(call) == 3 * batches


@pytest.mark.parametrize("name", SOURCES)
def test_for_callbacks_data_without_end_are_one_epoch(name):
    make, batches = SOURCES[name]
    assert steps_per_epoch(FitCall(model=None, **make()), 50) == batches or 50
    assert steps_per_epoch(FitCall(model=None, steps_per_epoch=7, **make()), 50) == 7


def test_a_call_without_epochs_says_nothing():
    assert updates_of(FitCall(model=None, x=X)) is None
    assert updates_of(StepCall(step=len, variables=[])) is None


def model():
    return sequential(keras.layers.Dense(1), optimizer=optimizers.SGD(0.05), loss="mse", shape=(4,))


def test_epochs_in_the_call_override_the_steps_of_the_marker():
    result = judged(fit(model, X, Y, epochs=5), steps=300)
    assert result.steps == result.expectation.steps == 20


# ---- rows held out, as `model.fit` does it ------------------------------------------------------


def test_the_last_rows_are_held_out_before_any_shuffling():
    training = training_of(fit(model, X, Y, validation_split=0.3, sample_weight=np.ones(100)))
    assert training.data.rows == 70
    held_out = np.concatenate([chunk.batch[0] for chunk in training.held_out])
    np.testing.assert_array_equal(held_out, X[70:])
    assert len(training.held_out[0].batch) == 3


def test_the_split_is_that_of_keras():
    both = [model() for _ in range(2)]
    both[1].set_weights(both[0].get_weights())
    options = {"validation_split": 0.33, "shuffle": False, "batch_size": 16, "epochs": 4}
    history = both[1].fit(X, Y, verbose=0, **options).history
    result = judged(fit(both[0], X, Y, **options))
    np.testing.assert_allclose(result.metrics["val_loss"], history["val_loss"][-1], rtol=1e-5)


def test_validation_data_overrides_the_split_as_in_keras():
    call = fit(model, X, Y, validation_split=0.3, validation_data=(X[:9], Y[:9]), epochs=1)
    training = training_of(call)
    assert training.data.rows == 100
    assert sum(chunk.rows for chunk in training.held_out) == 9


def test_a_data_frame_keeps_the_names_of_its_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    training = training_of(fit(model, frame, Y, validation_split=0.2))
    assert training.columns == {"x": list("abcd")}
    assert training.data.rows == 80


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ({"x": X, "y": Y, "validation_split": 1.0}, "got validation_split=1.0 .*a share from 0"),
        ({"x": X, "y": Y, "validation_split": "a"}, "got validation_split='a'"),
        ({"x": X[:1], "y": Y[:1], "validation_split": 0.2}, "validation_split=0.2 .* of 1 rows"),
        ({"x": dataset(), "validation_split": 0.2}, "validation_split=0.2 .* validation_data="),
        ({"x": X, "y": Y, "validation_steps": 0}, "got validation_steps=0"),
        ({"x": X, "y": Y, "validation_batch_size": 0.5}, "got validation_batch_size=0.5"),
    ],
)
def test_what_cannot_be_held_out_is_named(options, pattern):
    with pytest.raises(InvalidTrainingError, match=pattern):
        training_of(fit(model, **options))


def test_held_out_data_may_be_some_batches_of_an_endless_source():
    held_out = dataset().repeat()
    training = training_of(fit(model, X, Y, validation_data=held_out, validation_steps=5))
    assert [chunk.rows for chunk in training.held_out] == [30, 30, 30, 10, 30]


def test_held_out_arrays_have_a_batch_size_of_their_own():
    training = training_of(fit(model, X, Y, validation_data=(X, Y), validation_batch_size=40))
    assert [chunk.rows for chunk in training.held_out] == [40, 40, 20]
