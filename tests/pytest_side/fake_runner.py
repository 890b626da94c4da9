"""A stand-in for `pytest_converge.runner` that needs no TensorFlow.

The "model" says what becomes of the training: "good", "bad", "invalid", "interrupted", "wordy"
for a bad one with a long message, or "long" for one that reports its progress.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
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


def run(context: Context, verb: str, arguments: dict[str, Any]) -> ConvergenceResult:
    """A result of the wanted kind."""
    kind = next(iter(arguments.values()))
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
    run_ = Run(record=record, findings=(*findings, *checked))
    return ConvergenceResult(
        test=context.test,
        verb=verb,
        number=context.number,
        expectation=context.expectation,
        runs=(run_,),
    )


@contextlib.contextmanager
def isolation(seed: int) -> Iterator[None]:
    """Seeds Python alone."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def install() -> None:
    """Take the place of the real module."""
    module = types.ModuleType("pytest_converge.runner")
    module.__dict__.update(Context=Context, run=run, isolation=isolation)
    sys.modules["pytest_converge.runner"] = module
