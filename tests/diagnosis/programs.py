"""Small programs whose fault is known by heart, and what the diagnosis says of them."""

from __future__ import annotations

import dataclasses
from unittest import mock

import numpy as np
import tensorflow as tf
from keras import initializers, layers, optimizers

from pytest_converge import runner
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.stopwatch import Stopwatch
from pytest_converge.diagnosis.cause import FailedTraining
from pytest_converge.diagnosis.causes import every_cause
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.diagnosis.search import concluded
from pytest_converge.diagnosis.trials import Trials
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.measures.layer_readings import LayerReading, LayerReadings
from tests.zoo.problems import SPARSE, Start, fit, linear, minimize, sequential
from tests.zoo.trainings import NoHooks, quiet, running

POINTS = (1.5, 2.5, 3.5)
#: The smallest mean squared distance from the points.
SPREAD = 2 / 3
#: In place of the factor of a full diagnosis: other work slows down a machine that tests by ten.
TIME_TO_SPARE = 50.0


def result_of(
    start: Start,
    *,
    seed: int = 0,
    diagnose: str = "full",
    in_full: float = TIME_TO_SPARE,
    **expectation,
):
    """The result of a training with its diagnosis, with time to spare on a busy machine.

    `in_full` is how much longer than a quick diagnosis a full one may take.
    """
    context = runner.Context(
        test="test",
        number=1,
        expectation=Expectation(seed=seed, **expectation),
        hooks=NoHooks(),
        progress=quiet,
        diagnose=diagnose,
    )
    with mock.patch.object(runner, "FULL", in_full):
        result: ConvergenceResult = runner.run(context, start.call)
    return result


def diagnosis_of(start: Start, **options):
    """The diagnosis of a training that fails."""
    result = result_of(start, **options)
    assert not result.passed
    return result.diagnosis


def raw_features():
    """One column of thousands beside one of units."""
    x = np.array([[1000, 2], [2000, 3], [3000, 4]], "float32")
    y = np.array([12, 23, 34], "float32")
    return fit(sequential(layers.Dense(1), optimizer=optimizers.SGD(0.01), loss="mse"), x, y)


def distance(optimizer, variable=None):
    """The mean squared distance of one number from three."""
    points, w = tf.constant(POINTS), tf.Variable(0.0) if variable is None else variable
    return minimize(lambda: tf.reduce_mean((points - w) ** 2), [w], optimizer)


def two_valleys(begin, optimizer, tilt=0.0):
    """Valleys at 2 - sqrt(2) and 2 + sqrt(2), the right one higher where the tilt is positive."""
    w = tf.Variable(float(begin))
    return minimize(lambda: (w - 2) ** 4 - 4 * (w - 2) ** 2 + 5 + tilt * (w - 2), [w], optimizer)


def dead(rows=200):
    bias = initializers.Constant(-50.0)
    parts = [layers.Dense(8, "relu", bias_initializer=bias), layers.Dense(4, "softmax")]
    x, _ = linear(0, rows=rows)
    y = np.random.default_rng(0).integers(0, 4, rows)
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=SPARSE), x, y)


def proven_by_its_own(start: Start, cause: str, **expectation):
    """The diagnosis by the first repair in the order of evidence, with its proof."""
    found = diagnosis_of(start, **expectation)
    assert (found.cause, found.proven) == (cause, True)
    own = found.verified[0]
    assert own.code == cause
    assert own.fix == found.fix
    assert own.verified
    assert own in found.tried
    return found


def failed_of(start: Start, *, steps: int = 50, evidence: Evidence | None = None, **expectation):
    """A training that has run, for causes to look at, without a limit of time."""
    run = running(start, steps=steps)
    record = run.run(0)
    reruns = Reruns(run, 0, quiet)
    expected = Expectation(seed=0, steps=steps, **expectation)
    trials = Trials(reruns, expected, budget=1e9, watch=Stopwatch(), unit=record.seconds)
    return FailedTraining(trials, record, evidence)


def conclusion(failed: FailedTraining):
    """What is said of a training for which no repair is tried."""
    return concluded(failed, every_cause(), looks_at_model=False)


def readings_of(*dead: tuple[str, float], first_to_last: float | None = None) -> LayerReadings:
    """Readings of layers with these shares of dead units."""
    plain = {field.name: None for field in dataclasses.fields(LayerReading)}
    plain |= {"kind": "Dense", "size": 8, "gradient_norm": 1.0, "units": 4}
    read = [LayerReading(**{**plain, "name": name, "dead": share}) for name, share in dead]
    fields = {field.name: None for field in dataclasses.fields(LayerReadings)}
    fields |= {"layers": tuple(read), "first_to_last": first_to_last, "all_zero": False}
    return LayerReadings(**fields)
