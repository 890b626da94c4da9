"""A stand-in for `pytest_converge.runner` that needs no TensorFlow.

The "model" says what becomes of the training: "good", "bad", "invalid", "interrupted", "wordy"
for a bad one with a long message, "long" for one that reports its progress, or a number: by so much
the logarithm of the losses that its baseline sees is higher.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import random
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from pytest_converge.core.baseline import BaselinePolicy, BaselineReport, StoredRun
from pytest_converge.core.calls import Call
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.rate_range import RatePoint, RateRange
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run

MESSAGES = {"bad": "loss 0.5 > 0.1", "wordy": " ".join(["too much of it"] * 10)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The same fields as the real one; a test compares them."""

    test: str
    number: int
    expectation: Expectation
    hooks: Any
    progress: Callable[[int, int, float], None]
    diagnose: str = "off"
    baseline: BaselinePolicy | None = None
    power: bool = False
    calibrate: bool = False
    keep: Callable[[Any], None] = lambda study: None
    surface: str = "off"
    scales: bool = False
    steps: int | None = None
    timeout: float | None = None


def run(context: Context, call: Call) -> ConvergenceResult:
    """A result of the wanted kind."""
    kind = getattr(call, call.names()[0])
    if kind == "invalid":
        raise InvalidTrainingError("got no data; expected at least one row. Pass some.")
    if kind == "interrupted":
        raise KeyboardInterrupt
    steps = context.expectation.steps
    for step in range(steps if kind == "long" else 0):
        context.progress(step + 1, steps, 1 / (step + 1))
    final = 0.5 if kind in MESSAGES else 0.01
    curve = LossCurve(
        steps=tuple(range(1, steps + 1)),
        batch_loss=tuple(1 + (final - 1) * i / steps for i in range(1, steps + 1)),
        initial_loss=1.0,
        final_loss=final,
        checkpoints=(0, steps),
        probe_loss=(1.0, final),
    )
    record = TrainingRecord(seed=context.expectation.seed or 0, curve=curve, seconds=0.25)
    checked = context.hooks.pytest_converge_check(record=record, expectation=context.expectation)
    said = MESSAGES.get(kind)
    findings = [Finding(code="target-missed", message=said)] if said else []
    report, finding = _compared(context, kind) if not said else (None, None)
    findings += [finding] if finding else []
    run_ = Run(record=record, findings=(*findings, *checked))
    return ConvergenceResult(
        test=context.test,
        verb=call.verb,
        number=context.number,
        expectation=context.expectation,
        runs=(run_,),
        baseline=report,
    )


def _compared(context: Context, level: object) -> tuple[BaselineReport | None, Finding | None]:
    """The real gate, asked about made-up runs."""
    from pytest_converge.baselines.session.baseline_gate import BaselineGate, Subject

    expected, policy = context.expectation, context.baseline
    if not expected.baseline or policy is None:
        return None, None
    settings = {"seed": expected.seed, "steps": expected.steps}
    subject = Subject(test=context.test, number=context.number, settings=settings)
    gate = BaselineGate.open(policy, subject)
    if gate is None:
        return None, None
    higher = float(level) if isinstance(level, (int, float)) else 0.0

    def make(number: int) -> StoredRun:
        rng = random.Random(number)
        logs = [higher - step / 10 + rng.gauss(0, 0.05) for step in range(1, 21)]
        scores = sum(logs) / 20, sum(logs[10:]) / 10
        losses = tuple(map(math.exp, logs))
        seed = ((expected.seed or 0) + number) % 2**32
        return StoredRun(seed=seed, scores=scores, steps=tuple(range(1, 21)), losses=losses)

    return gate.settle(make, {"device": "none"})


@contextlib.contextmanager
def isolation(seed: int) -> Iterator[None]:
    """Seeds Python alone."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def range_of_rates(context: Context, call: Call, **options: Any) -> RateRange:
    """Rates from 0.01 to 1 pass; the own one is 0.1 for "good" and 1 for "bad"."""
    kind = getattr(call, call.names()[0])
    if kind == "invalid":
        raise InvalidTrainingError("got no rate; expected one. Give one.")
    rates = {0.001: 0.9, 0.01: 0.05, 0.1: 0.02, 1.0: 0.01, 10.0: 5.0}
    points = tuple(
        RatePoint(learning_rate=rate, final_loss=loss, passed=loss < 0.1, steps=100)
        for rate, loss in rates.items()
    )
    return RateRange(
        test=context.test,
        number=context.number,
        own=1.0 if kind == "bad" else 0.1,
        points=points,
        initial_loss=1.0,
        max_loss=context.expectation.max_loss,
        steps=context.expectation.steps,
        seconds=0.25,
    )


def install() -> None:
    """Take the place of the real modules."""
    studies = types.ModuleType("pytest_converge.learning_rate.study")
    studies.__dict__.update(range_of_rates=range_of_rates)
    sys.modules["pytest_converge.learning_rate.study"] = studies
    module = types.ModuleType("pytest_converge.runner")
    module.__dict__.update(Context=Context, run=run, isolation=isolation)
    sys.modules["pytest_converge.runner"] = module
