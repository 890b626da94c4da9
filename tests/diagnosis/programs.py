"""Small programs whose fault is known by heart, and what the diagnosis says of them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge import runner
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.diagnosis.trials import Trials
from pytest_converge.training.interventions.rerun import Laboratory
from tests.zoo.problems import Start, fit, minimize, sequential
from tests.zoo.trainings import NoHooks, quiet, running

POINTS = (1.5, 2.5, 3.5)
#: The smallest mean squared distance from the points.
SPREAD = 2 / 3


def result_of(start: Start, *, seed: int = 0, diagnose: str = "quick", **expectation):
    """The result of a training with its diagnosis."""
    context = runner.Context(
        test="test",
        number=1,
        expectation=Expectation(seed=seed, **expectation),
        hooks=NoHooks(),
        progress=quiet,
        diagnose=diagnose,
    )
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


def laboratory_of(start: Start, *, steps: int = 50, **expectation):
    """A laboratory on a training that has run, and trials in it without a limit of time."""
    run = running(start, steps=steps)
    record = run.run(0)
    laboratory = Laboratory(run, 0, quiet)
    expected = Expectation(seed=0, steps=steps, **expectation)
    trials = Trials(laboratory, expected, budget=1e9, began=0.0, unit=record.seconds)
    return laboratory, trials, record
