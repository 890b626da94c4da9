"""Trainings outside of pytest: what the verbs do, without a test around them."""

from __future__ import annotations

import keras

from pytest_converge import runner
from pytest_converge.core.curve import SurfaceMode
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.training.adapters.build import build_training
from pytest_converge.training.loop.run import TrainingRun
from pytest_converge.training.training import Training
from tests.zoo.problems import Start

__all__ = ["NoHooks", "failing", "judged", "recorded", "running", "training_of"]


class NoHooks:
    """A hook relay to which nobody listens."""

    def pytest_converge_adapt(self, **_):
        return None

    def pytest_converge_check(self, **_):
        return []


def quiet(*_: object) -> None:
    """Progress that nobody watches."""


def judged(
    start: Start,
    *,
    hooks: object = None,
    progress: object = quiet,
    seed: int = 0,
    surface: SurfaceMode = "off",
    scales: bool = False,
    **expectation,
) -> ConvergenceResult:
    """The result of a training."""
    context = runner.Context(
        test="test",
        number=1,
        expectation=Expectation(seed=seed, **expectation),
        hooks=hooks or NoHooks(),
        progress=progress,
        surface=surface,
        scales=scales,
    )
    return runner.run(context, start.call)


def recorded(start: Start, *, seed: int = 0, **expectation) -> TrainingRecord:
    """The record of a training with one start."""
    return judged(start, seed=seed, **expectation).runs[0].record


def failing(result: ConvergenceResult) -> set[str]:
    """The codes of the gates that failed."""
    return {finding.code for finding in result.findings if finding.fails}


def training_of(start: Start, *, steps: int = 100, seed: int = 0, **expectation) -> Training:
    """The training behind a call of a verb."""
    expected = Expectation(steps=steps, seed=seed, **expectation)
    return build_training(start.call, expected, seed, lambda *_: None)


def running(start: Start, *, steps: int = 100, seed: int = 0) -> TrainingRun:
    """A training ready to be run, as often as wanted."""
    keras.utils.set_random_seed(seed)
    return TrainingRun(training_of(start, steps=steps, seed=seed), steps, quiet)
