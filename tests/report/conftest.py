"""Results with chosen numbers, built without any training."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.checks.gates import judge
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.diagnosis import Diagnosis, RateBracket, Trial
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run


@pytest.fixture
def make_curve():
    """A curve that falls from `first` to `last` in `steps` steps, probed at `points` points."""

    def make(first=2.303, last=0.431, steps=200, points=33, **changes):
        def loss(step):
            return last + (first - last) * math.exp(-8 * step / steps)

        checkpoints = sorted({round(i * steps / (points - 1)) for i in range(points)})
        values = {
            "steps": tuple(range(1, steps + 1)),
            "batch_loss": tuple(loss(i) for i in range(steps)),
            "gradient_norm": tuple(3.5 * math.exp(-3 * i / steps) for i in range(steps)),
            "learning_rate": (0.01,) * steps,
            "checkpoints": tuple(checkpoints),
            "probe_loss": (first, *map(loss, checkpoints[1:-1]), last),
            "initial_loss": first,
            "final_loss": last,
        }
        return LossCurve(**{**values, **changes})

    return make


@pytest.fixture
def make_result(make_curve):
    """A result of one start; `findings` are those of that start."""

    def make(
        findings=(),
        *,
        test="tests/test_models.py::test_wine",
        number=1,
        curve=None,
        runs=None,
        expectation=None,
        **record,
    ):
        values = {"seed": 7, "seconds": 1.24, "probe_rows": 178, "curve": curve or make_curve()}
        run = Run(record=TrainingRecord(**{**values, **record}), findings=tuple(findings))
        return ConvergenceResult(
            test=test,
            verb="fit",
            number=number,
            expectation=expectation or Expectation(max_loss=0.1, steps=200),
            runs=runs or (run,),
        )

    return make


@pytest.fixture
def judged(make_result):
    """A result with what the gates and notes really find in its record."""

    def make(**values):
        result = make_result(**values)
        runs = tuple(
            dataclasses.replace(run, findings=judge(run.record, result.expectation))
            for run in result.runs
        )
        return dataclasses.replace(result, runs=runs)

    return make


@pytest.fixture
def failed(judged):
    """A training that missed its target."""
    return judged()


@pytest.fixture
def unscaled():
    """A diagnosis in which every field is filled."""

    def trial(change, code, *losses, passed=0, **fields):
        return Trial(change=change, code=code, losses=losses, passed=passed, **fields)

    standardised = trial(
        "features standardised",
        "unscaled-features",
        *(0.02364, 0.02511, 0.1999),
        passed=3,
        fix="scaler = keras.layers.Normalization()\nscaler.adapt(x)",
        seconds=0.41,
    )
    slower = trial(
        "learning rate 1e-5",
        "learning-rate-too-high",
        *(0.0801, 0.0822, 0.0799),
        passed=3,
        fix="keras.optimizers.SGD(1e-5)",
        seconds=0.2,
    )
    halved = trial(
        "targets standardised", "unscaled-targets", 0.0712, passed=1, comparable=False, seconds=0.1
    )
    return Diagnosis(
        cause="unscaled-features",
        message=(
            "x[:, 12] has a standard deviation of 314 and x[:, 7] of 0.12; standardised, the loss "
            "reaches 0.0236 at your own learning rate"
        ),
        fix=standardised.fix,
        evidence={"largest_std": 314.02, "smallest_std": 0.124, "columns": 13, "offset": None},
        where=("x[:, 12]", "x[:, 4]", "x[:, 12]"),
        verified=(standardised, slower),
        tried=(
            halved,
            dataclasses.replace(standardised, losses=standardised.losses[:1], passed=1),
            slower,
            trial("learning rate 1", "learning-rate-too-high", math.nan, seconds=0.04),
            trial("keras.optimizers.Adam() in place of SGD", "step-size", 0.631, 0.09, passed=1),
            trial("800 steps", "too-few-steps", 1.0855, seconds=75.0),
        ),
        excluded=(
            ("dropout off", "no such layer"),
            ("rows shuffled", "they are already"),
            ("regularisation off", "no such layer"),
        ),
        bracket=RateBracket(
            own=0.1, lowest=1e-6, highest=3e-5, proposed=1e-5, stability_limit=0.0000412
        ),
        seconds=9.83,
        budget=10.0,
        left_out=("twice as wide", "other seeds"),
    )


@pytest.fixture
def unknown():
    """A diagnosis that found nothing, though something came nearer."""
    return Diagnosis(
        cause="unknown",
        message="none of 2 changes made the test pass; the best of them reached 0.204",
        tried=(
            Trial(
                change="learning rate 0.1", code="learning-rate-too-low", losses=(0.31,), passed=0
            ),
            Trial(change="Adam()", code="step-size", losses=(0.2044, math.nan), passed=0),
        ),
        seconds=10.4,
        budget=10.0,
        left_out=("twice as wide",),
    )


@pytest.fixture
def diagnosed(failed, unscaled):
    """A training that missed its target, diagnosed."""
    return dataclasses.replace(failed, diagnosis=unscaled)
