"""How long a convergence training takes against the ways people train by hand, as ratios.

    python -m benchmarks.speed [--repeats 5] [--tape-repeats 1] [--only MLP]
    python -m benchmarks.speed --telemetry [--repeats 9]

Every figure comes from one process: models of the same build and data, in turn, a fresh model
each time. The anchor is `model.fit` from arrays with a callback that keeps every batch's loss.

With `--telemetry` the anchor is our own compiled loop without anything that observes it. "norms"
adds the gradient norm and the learning rate of every step, "notes" the pass for dead units at the
end; these two are what a passing test pays for explanations. "all" adds what the verdict needs: the
probes of the loss and the measures at the end. Ratios are of processor time, taken in turn, so that
other work on the machine does not count.
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

from pytest_converge.core.calls import FitCall
from pytest_converge.core.expectation import Expectation
from pytest_converge.training.adapters.build import build_training
from pytest_converge.training.loop.compiled_loop import Loop
from pytest_converge.training.loop.run import TrainingRun
from pytest_converge.training.measures.dead_units import dead_units
from pytest_converge.training.state.graphs import light_graph_optimizer

STEPS, BATCH, ROWS = 200, 32, 1024
LIMITS = {
    "MLP": {"first": 0.30, "again": 0.10, "tape": 0.10},
    "CNN": {"first": 0.40, "again": 0.40, "tape": 0.10},
    "LSTM": {"first": 0.60, "again": 0.40, "tape": 0.10},
}
#: What a passing test may pay for explanations: so many times the bare loop, and so many seconds.
TELEMETRY_TIMES, TELEMETRY_SECONDS = 1.10, 0.1
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


def training_of(subject: Subject, model: keras.Model | None = None):
    model = model or subject.build()
    call = FitCall(model=model, x=subject.x, y=subject.y, batch_size=BATCH)
    return build_training(call, Expectation(steps=STEPS), 0, lambda *_: None)


def by_converge(subject: Subject) -> tuple[float, float]:
    """Seconds of a first run, tracing and all measurements included, and of a second."""
    running: list[TrainingRun] = []
    model = subject.build()  # outside, as for `model.fit`

    def first():
        training = training_of(subject, model)
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


class BareLoop(Loop):
    """The same loop around the same step, which keeps nothing but the losses."""

    def _one(self, batch):
        for observed in self.training.optimizers:
            observed.optimizer.__dict__.pop("apply", None)  # the tap of the gradients
        loss = tf.cast(self.training.step(batch), tf.float32)
        return loss, float("nan"), float("nan")


@dataclasses.dataclass
class Cost:
    """Seconds of wall and of processor time, of a first run and of one through its trace."""

    first: tuple[float, float]
    again: tuple[float, float]


def spent(function) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - processor


def by_loop(subject: Subject, kind: type[Loop], *, notes: bool = False) -> Cost:
    """The steps of a training alone, in a loop that is traced first."""
    training = training_of(subject)

    def steps(loop: Loop):
        loop.start()
        assert len(loop.advance(0, STEPS)) == STEPS
        if notes:
            dead_units(training)

    with light_graph_optimizer(STEPS):
        loops: list[Loop] = []
        first = spent(lambda: (loops.append(kind(training)), loops[0].prepare(), steps(loops[0])))
        cost = Cost(first, spent(lambda: steps(loops[0])))
    training.release()
    return cost


def by_run(subject: Subject) -> Cost:
    """Everything that a passing test pays for, after its training was built."""
    training, running = training_of(subject), []

    def first():
        running.append(TrainingRun(training, STEPS, lambda *_: None))
        running[0].run(0)
        dead_units(training)

    def again():
        running[0].restart()
        running[0].run(0)
        dead_units(training)

    cost = Cost(spent(first), spent(again))
    training.release()
    return cost


def measure_telemetry(name: str, subject: Subject, repeats: int) -> bool:
    ways = {
        "bare": lambda: by_loop(subject, BareLoop),
        "norms": lambda: by_loop(subject, Loop),
        "notes": lambda: by_loop(subject, Loop, notes=True),
        "all": lambda: by_run(subject),
    }
    for way in ways.values():
        way()
    costs: dict[str, list[Cost]] = {key: [] for key in ways}
    for _ in range(repeats):
        for key, way in ways.items():
            costs[key].append(way())
            keras.backend.clear_session()
    met = True
    for part in ("first", "again"):
        line = f"{name:5}{part:6}"
        for key in ways:
            pairs = [
                (getattr(cost, part), getattr(bare, part))
                for cost, bare in zip(costs[key], costs["bare"], strict=True)
            ]
            wall = statistics.median(cost[0] for cost, _ in pairs)
            ratio = statistics.median(cost[1] / bare[1] for cost, bare in pairs)
            extra = statistics.median(cost[1] - bare[1] for cost, bare in pairs)
            line += f"  {key} {1000 * wall:.0f} ms"
            line += "" if key == "bare" else f" = {ratio:.2f}x, {1000 * extra:+.0f} ms"
            if (part, key) == ("first", "notes"):
                met = ratio <= TELEMETRY_TIMES and extra <= TELEMETRY_SECONDS
        print(line, flush=True)
    return met


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tape-repeats", type=int, default=1)
    parser.add_argument("--only", choices=tuple(LIMITS))
    parser.add_argument("--telemetry", action="store_true", help="what observing costs")
    args = parser.parse_args()
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {os.cpu_count()} cores;"
          f" {STEPS} steps of batch {BATCH}, medians of {args.repeats}")  # fmt: skip
    chosen = {k: v for k, v in subjects().items() if args.only in (None, k)}
    if args.telemetry:
        met = [measure_telemetry(k, v, args.repeats) for k, v in chosen.items()]
    else:
        met = [measure(k, v, args.repeats, args.tape_repeats) for k, v in chosen.items()]
    print("all ratios met" if all(met) else "not all ratios met")


if __name__ == "__main__":
    main()
