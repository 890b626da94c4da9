"""Forty trainings of all kinds, for what must be the same in every repeat and any company.

Verbs, layers with random state, dropout, datasets, generators, loops, schedules, optimizers and
callbacks. Each is begun by the seed of its test alone.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import callbacks, layers, optimizers

from pytest_converge.core.result import ConvergenceResult
from pytest_converge.training.keras_internals import global_attribute, operation_seeds
from tests.zoo.problems import HEALTHY, Start, classifier, fit, wine

__all__ = ["CONFTEST", "SEEN", "SUITE", "TRAININGS", "changed", "fingerprint", "keep", "state"]

#: Where a session leaves what it has seen: `<name> <fingerprint>`, or `<name> left <what>`.
SEEN = "CONVERGE_SEEN"
#: Steps are few, so that a repeat of all of them takes seconds.
SUITE = """
import pytest
from tests.zoo.varied import TRAININGS

@pytest.mark.converges(steps=12, max_loss=1e9, monotone="off")
@pytest.mark.parametrize("name", TRAININGS)
def test_it(converge, name):
    start = TRAININGS[name](1)
    getattr(converge, start.verb)(**start.arguments)
"""
CONFTEST = """
import pytest
from tests.zoo import varied

def pytest_converge_result(result, item):
    varied.keep(item.callspec.params["name"], varied.fingerprint(result))

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    before = varied.state()
    done = yield
    for what in varied.changed(before, varied.state()):
        varied.keep(item.callspec.params["name"], f"left {what}")
    return done
"""
#: Those of the zoo with something that draws, keeps or changes a state, and some without.
OF_THE_ZOO = (
    *("dropout_half", "batch_norm", "gru", "lstm", "embedding", "convolution", "attention"),
    *(
        "noisy_layers",
        "frozen_backbone",
        "autoencoder",
        "vae",
        "adversaries",
        "quadratic",
        "siamese",
    ),
    *("semi_supervised", "subclassed", "two_inputs_two_outputs", "class_weights", "sample_weights"),
    *("l2_regression", "poisson_counts", "cosine_restarts", "rmsprop", "adamw", "lion"),
    *("averaged_weights", "clipped_norm", "accumulated_gradients", "tf_dataset", "py_dataset"),
    *("generator", "mixed_sources", "rosenbrock", "compat_optimizer", "compiled_step"),
    *("plain_step", "drawing_step"),
)


class Noise(callbacks.Callback):
    """One that draws from every source, as a callback for pictures might."""

    def on_train_batch_end(self, batch, logs=None):
        random.random()
        np.random.default_rng().random()
        tf.random.normal([2])


def called_back(make: Callable[[], Any]) -> Callable[[int], Start]:
    """A training with a callback."""

    def start(_: int) -> Start:
        model = classifier(optimizers.Adam(0.01), layers.Dropout(0.2))
        return fit(model, *wine(), callbacks=[make()], steps_per_epoch=4)

    return start


WITH_CALLBACKS: Mapping[str, Callable[[int], Start]] = {
    "early_stopping": called_back(
        lambda: callbacks.EarlyStopping(monitor="loss", restore_best_weights=True)
    ),
    "reduce_on_plateau": called_back(
        lambda: callbacks.ReduceLROnPlateau(monitor="loss", patience=1)
    ),
    "callback_that_draws": called_back(Noise),
}
TRAININGS: Mapping[str, Callable[[int], Start]] = {
    **{problem.name: problem.function for problem in HEALTHY if problem.name in OF_THE_ZOO},
    **WITH_CALLBACKS,
}


def keep(name: str, what: str) -> None:
    """Leaves a line about a training."""
    with Path(os.environ[SEEN]).open("a", encoding="utf-8") as file:
        file.write(f"{name} {what}\n")


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What of the state is another than before."""
    return [name for name, value in before.items() if after[name] != value]


def fingerprint(result: ConvergenceResult) -> str:
    """A digest of all numbers that a training gave, to the last bit, apart from its seconds."""
    numbers = []
    for run in result.runs:
        record, curve = run.record, run.record.curve
        numbers += [record.seed, record.reported_loss, record.predicted_loss, record.constant_loss]
        numbers += [record.regularisation, record.limit_share, sorted(record.metrics.items())]
        numbers += [sorted(record.dead_units.values()), curve]
        numbers += [finding.code for finding in run.findings]
    return hashlib.sha256(repr(numbers).encode()).hexdigest()[:16]


def state() -> dict[str, str]:
    """What a test must leave as it was, by names; texts, so that two of them can be compared."""
    # pytest takes it away after each phase of a test.
    running = ("PYTEST_CURRENT_TEST", os.environ.get("PYTEST_CURRENT_TEST", ""))
    seed, operations = operation_seeds()
    drawn = operations.getstate() if hasattr(operations, "getstate") else None
    legacy = np.random.get_state()  # noqa: NPY002 - it is there to be put back
    shared = global_attribute("global_seed_generator")
    values = {
        "python's random state": random.getstate(),
        "numpy's random state": [np.asarray(part).tolist() for part in legacy],
        "tensorflow's seed": (seed, drawn),
        "tensorflow's generator": tf.random.get_global_generator().state.numpy().tolist(),
        "keras' seed": global_attribute("global_random_seed"),
        "keras' generator": None if shared is None else shared.state.numpy().tolist(),
        "float type": (keras.config.floatx(), keras.config.epsilon()),
        "image format": keras.config.image_data_format(),
        "precision": keras.config.dtype_policy().name,
        "backend": keras.config.backend(),
        "eager functions": tf.config.functions_run_eagerly(),
        "eager execution": tf.executing_eagerly(),
        "threads of operations": (
            tf.config.threading.get_inter_op_parallelism_threads(),
            tf.config.threading.get_intra_op_parallelism_threads(),
        ),
        "graph options": sorted(tf.config.optimizer.get_experimental_options().items()),
        "just in time": tf.config.optimizer.get_jit(),
        "soft placement": tf.config.get_soft_device_placement(),
        "filtering of tracebacks": keras.config.is_traceback_filtering_enabled(),
        "strategy": tf.distribute.has_strategy(),
        "threads of python": sorted(thread.name for thread in threading.enumerate()),
        "environment": sorted(os.environ.items() - {running}),
        "folder": (str(Path.cwd()), sorted(path.name for path in Path.cwd().iterdir())),
    }
    return {name: repr(value) for name, value in values.items()}
