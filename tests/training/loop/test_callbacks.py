"""Keras callbacks in the loop: every call, log and effect is that of `model.fit`."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import callbacks as of_keras
from keras import layers, optimizers

from pytest_converge import InvalidTrainingError
from pytest_converge.training.loop.callbacks import asks_for_batches
from tests.zoo.problems import fit, linear, sequential
from tests.zoo.trainings import judged, running

X, Y = linear(3, rows=100)
HOOKS = [
    f"on_{where}_{when}"
    for where in ("train", "epoch", "train_batch", "test", "test_batch")
    for when in ("begin", "end")
]


class Notes(of_keras.Callback):
    """Every call of every hook that it is to have, and what it saw of the model."""

    def __init__(self, hooks=HOOKS):
        super().__init__()
        self.notes = []
        for hook in hooks:
            setattr(self, hook, self.noting(hook))

    def noting(self, hook):
        def call(*arguments, logs=None):
            numbers = [a for a in arguments if isinstance(a, int)]
            logs = next((a for a in arguments if isinstance(a, dict)), logs)
            rate = float(self.model.optimizer.learning_rate)
            updates = int(self.model.optimizer.iterations)
            self.notes.append((hook, numbers, dict(logs or {}), rate, updates))

        return call


def dense(optimizer=None, **compiled):
    options = {"loss": "mse", "metrics": ["mae", keras.metrics.RootMeanSquaredError()], **compiled}
    parts = [layers.Dense(8, "relu"), layers.Dense(1)]
    return sequential(*parts, optimizer=optimizer or optimizers.SGD(0.05), shape=(4,), **options)


def dropout():
    parts = [layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dense(1)]
    optimizer = optimizers.Adam(0.01)
    return sequential(*parts, optimizer=optimizer, loss="mse", shape=(4,), metrics=["mae"])


def two_outputs():
    inputs = keras.Input((4,))
    outputs = [layers.Dense(1, name=name)(inputs) for name in ("first", "second")]
    model = keras.Model(inputs, outputs)
    model.compile(optimizers.SGD(0.05), ["mse", "mae"], metrics=[["mae"], ["mse"]])
    return model


def classifier():
    parts = [layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")]
    metrics = ["accuracy", keras.metrics.AUC(name="auc")]
    optimizer = optimizers.SGD(0.1)
    return sequential(*parts, optimizer=optimizer, loss="bce", shape=(4,), metrics=metrics)


class OwnStep(keras.Model):
    """A step with metrics of its own, under other names, and with an entry that is none."""

    def __init__(self):
        super().__init__()
        self.out = layers.Dense(1)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.absolute = keras.metrics.MeanAbsoluteError(name="absolute")

    @property
    def metrics(self):
        return [self.loss_tracker, self.absolute]

    def call(self, x):
        return self.out(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x)[:, 0] - y))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.loss_tracker.update_state(loss)
        self.absolute.update_state(y, self(x)[:, 0])
        result = self.absolute.result()
        return {"loss": self.loss_tracker.result(), "error": result, "raw": 2.0 * loss}

    def test_step(self, data):
        x, y = data
        self.absolute.update_state(y, self(x)[:, 0])
        return {"absolute": self.absolute.result()}


def own_step():
    model = OwnStep()
    model.compile(optimizers.SGD(0.05))
    model(X[:1])
    return model


def noted(build, arguments, callback_of=Notes, more=tuple, **options):
    """The notes of `model.fit` and of `converge.fit`, and both models after it."""
    keras.utils.set_random_seed(1)
    models = [build() for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    notes = [callback_of() for _ in models]
    models[1].fit(*arguments, verbose=0, callbacks=[*more(), notes[1]], **options)
    call = fit(models[0], *arguments, callbacks=[*more(), notes[0]], **options)
    result = judged(call, monotone="off")
    return notes, models, result


def check_same(notes, models):
    assert len(notes[0].notes) == len(notes[1].notes)
    for mine, of_fit in zip(notes[0].notes, notes[1].notes, strict=True):
        assert mine[:2] == of_fit[:2]
        assert list(mine[2]) == list(of_fit[2])
        np.testing.assert_allclose(list(mine[2].values()), list(of_fit[2].values()), rtol=1e-5)
        assert mine[3:] == of_fit[3:]
    for mine, of_fit in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(mine, of_fit, rtol=1e-4, atol=1e-6)


PLAIN = {"shuffle": False, "batch_size": 16, "epochs": 3}
HELD_OUT = {"validation_data": (X[:40], Y[:40])}
LABELS = (Y > 0).astype("float32")
CASES = {
    "a dense network": (dense, (X, Y), PLAIN),
    "held-out data": (dense, (X, Y), {**PLAIN, **HELD_OUT}),
    "rows split off": (dense, (X, Y), {**PLAIN, "validation_split": 0.2}),
    "held out in some epochs": (dense, (X, Y), {**PLAIN, **HELD_OUT, "validation_freq": 2}),
    "held out in named epochs": (dense, (X, Y), {**PLAIN, **HELD_OUT, "validation_freq": [1]}),
    "held out in own batches": (
        dense,
        (X, Y),
        {**PLAIN, **HELD_OUT, "validation_batch_size": 7, "validation_steps": 3},
    ),
    "an initial epoch": (dense, (X, Y), {**PLAIN, "initial_epoch": 1}),
    "weights of samples": (dense, (X, Y, ), {**PLAIN, "sample_weight": np.abs(Y)}),
    "batch normalisation": (dropout, (X, Y), PLAIN),
    "two outputs": (two_outputs, (X, [Y, Y]), {**PLAIN, "validation_split": 0.2}),
    "a metric of counts": (classifier, (X, LABELS), PLAIN),
    "a schedule": (lambda: dense(optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 9))),
                   (X, Y), PLAIN),
    "several steps an execution": (lambda: dense(steps_per_execution=3), (X, Y), PLAIN),
    "a step of its own": (own_step, (X, Y[:, 0]), PLAIN),
    "a step and a test of its own": (own_step, (X, Y[:, 0]), {**PLAIN, "validation_split": 0.2}),
    "run eagerly": (lambda: dense(run_eagerly=True), (X, Y), PLAIN),
    "a dataset": (
        dense,
        (tf.data.Dataset.from_tensor_slices((X, Y)).batch(16),),
        {"epochs": 3, "shuffle": False},
    ),
    "epochs of an endless dataset": (
        dense,
        (tf.data.Dataset.from_tensor_slices((X, Y)).batch(16).repeat(),),
        {"epochs": 3, "steps_per_epoch": 4, "shuffle": False},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_call_and_every_log_is_that_of_fit(name):
    build, arguments, options = CASES[name]
    notes, models, _ = noted(build, arguments, **options)
    assert len(notes[1].notes) > 6
    check_same(notes, models)


@pytest.mark.parametrize("name", CASES)
def test_the_losses_of_the_steps_are_those_without_callbacks(name):
    """A callback that asks for logs changes nothing of what is recorded."""
    build, arguments, options = CASES[name]
    keras.utils.set_random_seed(1)
    models = [build() for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    curves = [
        judged(fit(model, *arguments, callbacks=given, **options), monotone="off").curve
        for model, given in zip(models, (None, [Notes()]), strict=True)
    ]
    np.testing.assert_allclose(curves[0].batch_loss, curves[1].batch_loss, rtol=1e-6)
    assert curves[0].final_loss == pytest.approx(curves[1].final_loss, rel=1e-5)
