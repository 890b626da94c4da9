"""Held-out data: read as by `model.fit`, evaluated as by `model.evaluate`, refused in words."""

from __future__ import annotations

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.data.held_out import read_held_out
from pytest_converge.training.data.sources import read_batches
from tests.zoo.problems import Start, sequential
from tests.zoo.trainings import judged, recorded, training_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
W = np.linspace(0.5, 1.5, 50).astype("float32")


def model(*layers):
    return sequential(
        *layers,
        keras.layers.Dense(1),
        optimizer=keras.optimizers.SGD(0.05),
        loss="mse",
        shape=(3,),
        metrics=["mae"],
    )


def start(given, made=None):
    arguments = {
        "model": model() if made is None else made,
        "x": X,
        "y": Y,
        "batch_size": 16,
        "shuffle": True,
        "sample_weight": None,
        "class_weight": None,
        "validation_data": given,
    }
    return Start("fit", arguments)


class Batches(keras.utils.PyDataset):
    """Two batches, or nobody knows how many."""

    def __init__(self, count=2):
        super().__init__()
        self._count = count

    @property
    def num_batches(self):
        return self._count

    def __getitem__(self, index):
        rows = slice(25 * index, 25 * index + 25)
        return X[rows], Y[rows]


FORMS = {
    "arrays": ((X, Y), {}),
    "a list": ([X, Y], {}),
    "weights": ((X, Y, W), {"sample_weight": W}),
    "tensors": ((tf.constant(X), tf.constant(Y)), {}),
    "a dataset": (tf.data.Dataset.from_tensor_slices((X, Y)).batch(16), {}),
    "a PyDataset": (Batches(), {}),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_loss_and_metrics_are_those_of_evaluate(form):
    given, weights = FORMS[form]
    made = model(keras.layers.Dropout(0.5), keras.layers.BatchNormalization())
    record = recorded(start(given, made), steps=10, min_decrease=0)
    expected = made.evaluate(X, Y, verbose=0, return_dict=True, batch_size=16, **weights)
    found = {name: value for name, value in record.metrics.items() if name.startswith("val_")}
    # Weighted metrics are no compiled ones here: the mean absolute error has no weights.
    assert found == pytest.approx({f"val_{k}": v for k, v in expected.items()}, rel=1e-5)


def test_evaluating_changes_nothing():
    starts = [start(given, model) for given in (None, (X, Y))]
    plain, held_out = (recorded(each, steps=20, seed=4) for each in starts)
    assert held_out.curve.batch_loss == plain.curve.batch_loss
    assert held_out.metrics["mae"] == plain.metrics["mae"]


def noisy(array=X):
    """Rows with noise of their own in every reading."""
    rows = tf.data.Dataset.from_tensor_slices(array)
    return rows.map(lambda row: (row + tf.random.normal((3,)), row[:1])).batch(16)


def values(chunks):
    return np.concatenate([np.asarray(chunk.batch[0]) for chunk in chunks])


def test_what_a_dataset_draws_follows_from_the_seed_whoever_read_it_before():
    given = noisy()
    first = values(read_held_out(given, 16, seed=3))
    list(given)
    np.testing.assert_array_equal(values(read_held_out(given, 16, seed=3)), first)
    np.testing.assert_array_equal(values(read_held_out(given, 16, steps=2, seed=3)), first[:32])
    assert (values(read_held_out(given, 16, seed=4)) != first).any()


def test_rows_made_at_random_are_others_than_those_to_train_on():
    given = noisy(np.zeros_like(X))
    trained = read_batches(given, None, steps=4, shuffle=True, seed=3)
    rows = np.concatenate([np.asarray(batch[0]) for batch in trained.batches()])
    assert not np.isin(values(read_held_out(given, 16, seed=3)), rows).any()


def test_reading_leaves_the_random_state_alone():
    keras.utils.set_random_seed(1)
    expected = random.random(), float(tf.random.normal(()))
    keras.utils.set_random_seed(1)
    read_held_out(noisy(), 16, seed=3)
    assert (random.random(), float(tf.random.normal(()))) == expected


def test_held_out_metrics_can_be_bounded():
    assert judged(start((X, Y)), metrics={"val_mae": (None, 1e9)}).passed
    result = judged(start((X, Y)), metrics={"val_loss": (None, -1.0)})
    assert [finding.code for finding in result.findings][:1] == ["metric-out-of-bounds"]


def test_a_model_with_its_own_test_step_evaluates_itself():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def test_step(self, data):
            return {"loss": tf.constant(0.25), "own": tf.constant(3.0)}

    made = Own()
    made.compile(keras.optimizers.SGD(0.05), "mse")
    record = recorded(start((X, Y), made), steps=3, min_decrease=0)
    assert (record.metrics["val_loss"], record.metrics["val_own"]) == (0.25, 3.0)


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        (X, r"got validation_data=.*; expected \(x, y\), .*validation_data=\(x_test, y_test\)"),
        ((X,), "got validation_data="),
        ((X, Y[:10]), "validation_data: got x of 50 rows, y of 10 rows; expected arrays with eq"),
        ((X[:0], Y[:0]), "validation_data: got x of 0 rows, y of 0 rows; expected at least one"),
        ((X, "y"), "got y of validation_data='y'"),
        (((a, b) for a, b in [(X, Y)]), "got validation_data=generator, which may not end"),
        (tf.data.Dataset.from_tensors((X, Y)).repeat(), "which may not end; .*dataset.take"),
        (Batches(None), "got validation_data=Batches, which may not end"),
        (tf.data.Dataset.from_tensors((X, Y)).take(0), "without any batch; expected at least one"),
    ],
)
def test_what_is_no_held_out_data_is_refused(given, pattern):
    with pytest.raises(InvalidTrainingError, match=pattern):
        read_held_out(given, 16)


@pytest.mark.parametrize(
    ("given", "metric", "pattern"),
    [
        (None, "val_mae", r"Pass held-out data, validation_data=\(x, y\)"),
        ((X, Y), "val_acc", r"one of the compiled metrics \(mae, val_loss, val_mae\)"),
        ((X, Y), "acc", "Compile it"),
    ],
)
def test_bounds_on_what_is_not_measured_are_refused_before_the_training(given, metric, pattern):
    with pytest.raises(InvalidTrainingError, match=pattern):
        judged(start(given), metrics={metric: (0, 1)})


def test_weights_without_any_weight_are_refused_before_the_training():
    pattern = "got weights of samples or classes of validation_data that sum to -50; expected"
    with pytest.raises(InvalidTrainingError, match=pattern):
        judged(start((X, Y, -np.ones(50))))


def test_a_model_that_cannot_be_evaluated_is_refused():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x) - y) ** 2)
            weights = self.trainable_variables
            self.optimizer.apply(tape.gradient(loss, weights), weights)
            return {"loss": loss}

    made = Own()
    made.compile(keras.optimizers.SGD(0.05))
    pattern = "validation_data for a model with a train_step of its own and no compiled loss"
    with pytest.raises(InvalidTrainingError, match=pattern):
        judged(start((X, Y), made), steps=3)


def test_the_direction_of_every_metric_is_known_where_keras_knows_it():
    def own(y, p):
        return tf.reduce_mean(p)

    made = model()
    made.compile("sgd", "mse", metrics=["mae", keras.metrics.R2Score(), own])
    training = training_of(start((X, Y), made))
    assert training.metric_directions() == {
        "loss": False,
        "mae": False,
        "r2_score": True,
        "own": None,
        "val_loss": False,
        "val_mae": False,
        "val_r2_score": True,
        "val_own": None,
    }
