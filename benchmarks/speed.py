"""How long a convergence training takes against the ways people train by hand, as ratios.

    python benchmarks/speed.py [--repeats 5] [--tape-repeats 1] [--only MLP]

Every figure comes from one process: models of the same build and data, in turn, a fresh model
each time. The anchor is `model.fit` from arrays with a callback that keeps every batch's loss.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.expectation import Expectation
from pytest_converge.training.adapters import build_training
from pytest_converge.training.run import TrainingRun

STEPS, BATCH, ROWS = 200, 32, 1024
LIMITS = {
    "MLP": {"first": 0.30, "again": 0.10, "tape": 0.10},
    "CNN": {"first": 0.50, "again": 0.40, "tape": 0.10},
    "LSTM": {"first": 0.65, "again": 0.40, "tape": 0.10},
}
layers = keras.layers


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model and its data."""

    x: np.ndarray
    y: np.ndarray
    layers: Callable[[], list]

    def build(self):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input(self.x.shape[1:]), *self.layers()])
        optimizer = keras.optimizers.Adam(0.001)
        # XLA would spend seconds on compiling; without it `fit` is at its fastest here.
        model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
        return model


def subjects() -> dict[str, Subject]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, ROWS)

    def data(*shape):
        return rng.normal(size=(ROWS, *shape)).astype("float32")

    def mlp():
        hidden = [layers.Dense(64, "relu"), layers.Dense(64, "relu")]
        return [*hidden, layers.Dense(10, "softmax")]

    def cnn():
        return [
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]

    def lstm():
        return [layers.LSTM(32), layers.Dense(10, "softmax")]

    return {
        "MLP": Subject(data(20), y, mlp),
        "CNN": Subject(data(8, 8, 1), y, cnn),
        "LSTM": Subject(data(20, 8), y, lstm),
    }


class BatchLosses(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


def timed(function) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def by_fit(subject: Subject) -> float:
    model, losses = subject.build(), BatchLosses()
    epochs, rest = divmod(STEPS * BATCH, ROWS)

    def train():
        model.fit(subject.x, subject.y, batch_size=BATCH, epochs=epochs, verbose=0,
                  callbacks=[losses])  # fmt: skip
        if rest:
            model.fit(subject.x[:rest], subject.y[:rest], batch_size=BATCH, verbose=0,
                      callbacks=[losses])  # fmt: skip

    seconds = timed(train)
    assert len(losses.losses) == STEPS
    return seconds


def by_tape(subject: Subject) -> float:
    model, rng = subject.build(), np.random.default_rng(0)
    loss_function = keras.losses.SparseCategoricalCrossentropy()

    def train():
        for _ in range(STEPS):
            rows = rng.integers(0, ROWS, BATCH)
            with tf.GradientTape() as tape:
                loss = loss_function(subject.y[rows], model(subject.x[rows], training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    return timed(train)


def by_converge(subject: Subject) -> tuple[float, float]:
    """Seconds of a first run, tracing and all measurements included, and of a second."""
    model = subject.build()
    arguments = {
        "model": model, "x": subject.x, "y": subject.y, "batch_size": BATCH, "shuffle": True,
        "sample_weight": None, "class_weight": None,
    }  # fmt: skip
    expectation = Expectation(steps=STEPS)
    running: list[TrainingRun] = []

    def first():
        training = build_training("fit", arguments, expectation, 0, lambda *_: None)
        running.append(TrainingRun(training, STEPS, lambda *_: None))
        assert len(running[0].run(0).curve.steps) == STEPS

    def again():
        running[0].restart()
        assert running[0].run(0).traces == 0

    seconds = timed(first), timed(again)
    running[0].training.release()
    return seconds


def measure(name: str, subject: Subject, repeats: int, tape_repeats: int) -> bool:
    fit, first, again, tape = [], [], [], []
    by_fit(subject), by_converge(subject)  # kernels and thread pools start once a process
    for repeat in range(repeats):
        fit.append(by_fit(subject))
        one, two = by_converge(subject)
        first.append(one)
        again.append(two)
        if repeat < tape_repeats:
            tape.append(by_tape(subject))
        keras.backend.clear_session()
    anchor, ours = statistics.median(fit), statistics.median(first)
    ratios = {
        "first": ours / anchor,
        "again": statistics.median(again) / anchor,
        "tape": ours / statistics.median(tape),
    }
    print(f"{name:5} fit {1000 * anchor:5.0f} ms"
          f"  first {1000 * ours:5.0f} ms = {ratios['first']:.2f}x"
          f" (at most {LIMITS[name]['first']})"
          f"  again {1000 * statistics.median(again):4.0f} ms = {ratios['again']:.2f}x"
          f" (at most {LIMITS[name]['again']})"
          f"  tape loop {1000 * statistics.median(tape):6.0f} ms: {ratios['tape']:.3f}x"
          f" (at most {LIMITS[name]['tape']})", flush=True)  # fmt: skip
    return all(ratios[key] <= limit for key, limit in LIMITS[name].items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tape-repeats", type=int, default=1)
    parser.add_argument("--only", choices=tuple(LIMITS))
    args = parser.parse_args()
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {os.cpu_count()} cores;"
          f" {STEPS} steps of batch {BATCH}, medians of {args.repeats}")  # fmt: skip
    chosen = {k: v for k, v in subjects().items() if args.only in (None, k)}
    met = [measure(k, v, args.repeats, args.tape_repeats) for k, v in chosen.items()]
    print("all ratios met" if all(met) else "not all ratios met")


if __name__ == "__main__":
    main()
