"""The trainings of `baseline.py`: ten models, three of them with changes for the worse.

    python -m benchmarks.baseline_trainings mlp/unchanged --seeds 4 --threads 1

prints the runs of one of them as JSON, from a process of its own environment.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.baselines.gate.scores import kept_points, scores
from pytest_converge.core.baseline import StoredRun
from tests.zoo import (
    problems,
    trainings,
)
from tests.zoo.problems import Start

layers, optimizers = keras.layers, keras.optimizers
STEPS = 200
#: Of the zoo, beside the three that are changed: recurrent, attending, generating, penalised and
#: convex ones, and batches of one.
ZOO = (
    "batch_of_one",
    "dropout_half",
    "gru",
    "embedding",
    "attention",
    "vae",
    "l2_regression",
)


def falling(rate):
    """Adam whose rate falls to 0 along a cosine."""
    return optimizers.Adam(optimizers.schedules.CosineDecay(rate, STEPS))


CHANGES = {
    "unchanged": {},
    "rate x0.9": {"rate": 0.9},
    "rate x0.85": {"rate": 0.85},
    "rate x0.8": {"rate": 0.8},
    "rate x0.7": {"rate": 0.7},
    "rate falls to 0": {"optimizer": falling},
    "seven eighths of the units": {"width": 0.875},
    "three quarters of the units": {"width": 0.75},
    "half of the units": {"width": 0.5},
    "dropout 0.05": {"dropout": 0.05},
    "dropout 0.1": {"dropout": 0.1},
    "dropout 0.2": {"dropout": 0.2},
    "1 % label noise": {"noise": 0.01},
    "2 % label noise": {"noise": 0.02},
    "feature noise 0.2": {"blur": 0.2},
    "first layer frozen": {"trainable": False},
}
#: The changes that each model is measured under: what costs 20 to 60 % there, and some beside it.
TRIED = {
    "cnn12": ("first layer frozen",),
    "mlp": tuple(change for change in CHANGES if change != "unchanged"),
    "cnn": (
        "rate x0.9",
        "rate x0.85",
        "rate x0.8",
        "rate x0.7",
        "three quarters of the units",
        "half of the units",
        "dropout 0.05",
        "dropout 0.1",
        "dropout 0.2",
        "1 % label noise",
        "2 % label noise",
        "feature noise 0.2",
        "first layer frozen",
    ),
    "lstm": (
        "rate x0.85",
        "rate x0.8",
        "rate x0.7",
        "half of the units",
        "dropout 0.05",
        "1 % label noise",
        "2 % label noise",
    ),
    "mlp-set": (
        "rate x0.85",
        "rate x0.8",
        "rate x0.7",
        "half of the units",
        "1 % label noise",
        "2 % label noise",
    ),
    "cnn-set": ("rate x0.85", "rate x0.8", "1 % label noise"),
    "lstm-set": (
        "rate x0.9",
        "rate x0.85",
        "rate x0.8",
        "three quarters of the units",
        "dropout 0.1",
    ),
}


# ---- three models and what may be changed about them ---------------------------------------------


def mlp(
    *,
    rate=1.0,
    noise=0.0,
    trainable=True,
    optimizer=optimizers.Adam,
    width=1.0,
    dropout=0.0,
    blur=0.0,
    dataset=False,
):
    x, y = problems.digits()

    def build():
        parts = [
            layers.Dense(round(48 * width), trainable=trainable),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(dropout),
            layers.Dense(round(32 * width), "relu"),
            layers.Dense(10, "softmax"),
        ]
        return compiled(x.shape[1:], parts, optimizer(0.003 * rate))

    return fitted(build, blurred(x, blur), mislabelled(y, noise, 10), dataset)


def cnn(
    *,
    rate=1.0,
    noise=0.0,
    trainable=True,
    optimizer=optimizers.Adam,
    width=1.0,
    dropout=0.0,
    blur=0.0,
    dataset=False,
):
    x, y = problems.digits()

    def build():
        parts = [
            layers.Conv2D(round(8 * width), 3, activation="relu", trainable=trainable),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Conv2D(round(16 * width), 3, activation="relu"),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(10, "softmax"),
        ]
        return compiled((8, 8, 1), parts, optimizer(0.003 * rate))

    x = blurred(x, blur).reshape(-1, 8, 8, 1)
    return fitted(build, x, mislabelled(y, noise, 10), dataset)


def lstm(
    *,
    rate=1.0,
    noise=0.0,
    trainable=True,
    optimizer=optimizers.Adam,
    width=1.0,
    dropout=0.0,
    blur=0.0,
    dataset=False,
):
    """Which of four noisy waves a series of twelve values is."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 600)
    time_ = np.arange(12)[None, :] + rng.uniform(0, 12, (600, 1))
    x = np.sin(time_ * (0.5 + 0.35 * y[:, None])) + 0.2 * rng.normal(size=(600, 12))

    def build():
        parts = [
            layers.LSTM(round(16 * width), trainable=trainable),
            layers.Dropout(dropout),
            layers.Dense(4, "softmax"),
        ]
        return compiled((12, 1), parts, optimizer(0.01 * rate))

    x = blurred(x[..., None].astype("float32"), blur)
    return fitted(build, x, mislabelled(y, noise, 4), dataset)


def cnn12(*, trainable=True):
    """Twelve filters, and nothing that makes up for their being frozen."""
    x, y = problems.digits()

    def build():
        parts = [
            layers.Conv2D(12, 3, activation="relu", trainable=trainable),
            layers.MaxPooling2D(),
            layers.Conv2D(24, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]
        return compiled((8, 8, 1), parts, optimizers.Adam(0.001))

    return fitted(build, x.reshape(-1, 8, 8, 1), y, False)


CHANGED: dict[str, Callable[..., Start]] = {"mlp": mlp, "cnn": cnn, "lstm": lstm}
#: The same from shuffled `tf.data` sets.
SETS: dict[str, Callable[..., Start]] = {
    f"{name}-set": functools.partial(model, dataset=True) for name, model in CHANGED.items()
}


def compiled(shape, parts, optimizer):
    model = keras.Sequential([keras.Input(shape), *parts])
    model.compile(optimizer, problems.SPARSE)
    return model


def fitted(build, x, y, dataset):
    """The arrays, or a shuffled data set of them."""
    if not dataset:
        return problems.fit(build, x, y)
    return problems.fit(build, tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(32))


def mislabelled(y, share, classes):
    """The labels, this share of them replaced by any class."""
    rng = np.random.default_rng(1)
    rows = rng.choice(len(y), round(share * len(y)), replace=False)
    y = y.copy()
    y[rows] = rng.integers(0, classes, len(rows))
    return y


def blurred(x, share):
    """The features with noise of this share of their spread."""
    noise = np.random.default_rng(2).normal(size=x.shape)
    return (x + share * x.std() * noise).astype("float32")


# ---- runs ----------------------------------------------------------------------------------------


def names() -> list[str]:
    """Every training by its key, `model/change`."""
    every = dict.fromkeys((*CHANGED, *SETS, *ZOO), ()) | TRIED
    return sorted(
        f"{model}/{change}" for model, tried in every.items() for change in ("unchanged", *tried)
    )


def start_of(key: str) -> tuple[Start, int]:
    """The call of the verb and its steps."""
    model, change = key.split("/")
    models = {**CHANGED, **SETS, "cnn12": cnn12}
    if model in models:
        return models[model](**CHANGES[change]), STEPS
    (problem,) = (found for found in problems.HEALTHY if found.name == model)
    start = problem.start(0)
    if start.verb == "fit" and isinstance(start.arguments["model"], keras.Model):
        build = {"model": lambda: problem.function(0).arguments["model"]}
        start = Start("fit", {**start.arguments, **build})
    return start, problem.expectation["steps"]


def measure(key: str, seeds: int) -> list[StoredRun]:
    """The runs of a training from the seeds 0, 1, ..., as the gate makes its further ones."""
    start, steps = start_of(key)
    running = trainings.running(start, steps=steps)
    found = []
    for seed in range(seeds):
        losses = running.losses_from(seed)
        at, first = kept_points(range(1, 11), losses[:10])
        found.append(StoredRun(seed=seed, scores=scores(losses), steps=at, losses=first))
    running.training.release()
    keras.backend.clear_session()
    gc.collect()
    return found


def reseed_cost(key: str, repeats: int) -> tuple[float, float, float]:
    """Median seconds of one more run: by Keras alone, by the plugin anew, and re-seeded."""
    by_keras, anew, again = [], [], []
    for repeat in range(repeats):
        keras.backend.clear_session()
        by_keras.append(seconds_of(functools.partial(fit_by_keras, key, repeat)))
        keras.backend.clear_session()
        begun = time.perf_counter()
        start, steps = start_of(key)
        running = trainings.running(start, steps=steps, seed=repeat)
        running.run(repeat)
        anew.append(time.perf_counter() - begun)
        again += [seconds_of(functools.partial(running.losses_from, seed)) for seed in range(3)]
        running.training.release()
    return float(np.median(by_keras)), float(np.median(anew)), float(np.median(again))


def fit_by_keras(key: str, seed: int) -> None:
    """Builds and fits as one does without the plugin, keeping the loss of every batch."""
    start, steps = start_of(key)
    keras.utils.set_random_seed(seed)
    model, x = start.arguments["model"](), start.arguments["x"]
    losses: list[float] = []
    keep = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: losses.append(logs["loss"])
    )
    epochs = round(steps / np.ceil(len(x) / 32))
    model.fit(x, start.arguments["y"], epochs=epochs, callbacks=[keep], verbose=0)


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("key", choices=names(), metavar="MODEL/CHANGE")
    parser.add_argument("--seeds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are")
    options = parser.parse_args()
    if options.threads:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    print(json.dumps([item.to_dict() for item in measure(options.key, options.seeds)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
